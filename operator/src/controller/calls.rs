//! Calls to the Kubernetes API have no bound on their time of their own.

use std::time::Duration;

/// Bound on one call that answers once.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a call within [`CALL_TIMEOUT`]: a connection that is half open answers never (FAULTS 2).
///
/// # Errors
/// The call's own error, or a timeout in the form of an answer with code 504.
pub async fn time_boxed<T>(call: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    tokio::time::timeout(CALL_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(timeout_error()))
}

fn timeout_error() -> kube::Error {
    let status =
        kube::core::Status::failure("no answer within ten seconds", "Timeout").with_code(504);
    kube::Error::Api(Box::new(status))
}
