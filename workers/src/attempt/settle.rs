//! Calls to the store that must not be lost to a restart of the database (FAULTS 23).

use super::Attempt;
use crate::{backoff::Backoff, meter::Reading, stop::Stop, trace};
use backends::postgres::{ErrorClass, StoreError};
use uuid::Uuid;

/// Repeats a call until the database has answered it, or the process has to exit.
///
/// Every call names the lease token, so a repeat after a lost reply finds the token gone and answers
/// [`StoreError::LeaseLost`]: the first call counted, and nothing is done twice.
///
/// # Errors
/// The answer of the database where repeating cannot help, or the last error where there is no time left.
pub(crate) async fn settle<T, F>(
    stop: &Stop,
    task: Uuid,
    what: &str,
    call: impl Fn() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut backoff = Backoff::default();
    loop {
        let error = match call().await {
            Err(error) if error.class() == ErrorClass::Transient => error,
            answered => return answered,
        };
        tracing::warn!(%task, %error, "could not {what}; trying again");
        tokio::select! {
            () = tokio::time::sleep(backoff.step()) => {}
            () = stop.exit_due() => return Err(error),
        }
    }
}

impl Attempt<'_> {
    /// [`settle`] for this attempt's task.
    ///
    /// # Errors
    /// As [`settle`].
    pub(super) async fn settle<T, F>(
        &self,
        what: &str,
        call: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let span = trace::database_call("postgresql", what, None);
        let settling = settle(&self.shop.stop, self.task.id, what, call);
        trace::within(&span, |error| format!("{:?}", error.class()), settling).await
    }

    /// What the claim used so far, and the model to charge it to.
    pub(super) fn paid(&self) -> (Reading, String) {
        let reading = self.meter.read();
        let model = reading
            .model
            .clone()
            .unwrap_or_else(|| self.task.persona.model.endpoint.model.clone());
        (reading, model)
    }
}
