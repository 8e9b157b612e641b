//! Settings of `worker analyse`: flags and environment, all set by the operator in the Job's Pod template.

use clap::Parser;
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

/// Analyses the achievements of one source: claims tasks, scores, compares, commits.
#[derive(Debug, Clone, Parser)]
#[command(name = "worker analyse", version)]
pub struct Settings {
    /// Namespace of the source.
    #[arg(long, env = "THREADS_NAMESPACE")]
    pub namespace: String,
    /// Source whose tasks are claimed; the nil UUID for records that have none.
    #[arg(long, env = "THREADS_SOURCE_UID")]
    pub source_uid: Uuid,
    /// Queue whose messages wake this worker.
    #[arg(long, env = "THREADS_QUEUE")]
    pub queue: String,
    /// Digest of the Secrets that are mounted; only tasks that need exactly these are claimed.
    #[arg(long, env = "THREADS_CREDENTIALS_DIGEST", default_value = "")]
    pub credentials_digest: String,
    /// Name under which tasks are claimed.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    /// Directory with database-url, amqp-url, qdrant-url and qdrant-token.
    #[arg(
        long,
        env = "CREDENTIALS_DIR",
        default_value = "/etc/threads/credentials"
    )]
    pub credentials_dir: PathBuf,
    /// Directory with the API key `embedding`.
    #[arg(long, env = "KEYS_DIR", default_value = "/etc/threads/keys")]
    pub keys_dir: PathBuf,
    /// Seconds of one lease; it is renewed three times in that time.
    #[arg(long, env = "THREADS_LEASE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub lease_seconds: u64,
    /// Seconds that Kubernetes leaves between SIGTERM and SIGKILL.
    #[arg(long, env = "THREADS_GRACE_SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub grace_seconds: u64,
    /// Proxy for calls to the embedding endpoint.
    #[arg(long, env = "HTTPS_PROXY")]
    pub https_proxy: Option<String>,
    /// PEM file with further certificate authorities to trust.
    #[arg(long, env = "CA_BUNDLE")]
    pub ca_bundle: Option<String>,
}

impl Settings {
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// An empty setting is no setting.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.https_proxy.clone().filter(|proxy| !proxy.is_empty())
    }

    /// As [`Settings::proxy`].
    #[must_use]
    pub fn ca_bundle(&self) -> Option<PathBuf> {
        self.ca_bundle
            .as_ref()
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    }
}
