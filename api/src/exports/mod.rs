//! Exports of portfolios: written by a loop of this process into the object store, one after the other.
//!
//! ```text
//! POST /portfolio/export ── row (queued) ──► claim (lease) ── records ── portfolio::render ──► object store ── row (done)
//! ```
//!
//! The row is the truth. Whoever is killed in between leaves a lease that ends, and the next writer stores the same key again.

mod request;
mod settings;
mod write;

pub use request::ExportRequest;
pub use settings::ObjectStoreSettings;

use backends::{
    objects::{ObjectError, Objects},
    postgres::{
        StoreError,
        api::{
            ApiStore,
            achievements::{ClaimedExport, ExportFailure},
        },
    },
};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, futures::Notified};
use tokio_util::sync::CancellationToken;

/// How long a writer may take; afterwards another one tries.
const LEASE: Duration = Duration::from_secs(300);
/// The net under what other replicas queued and could not write.
const POLL: Duration = Duration::from_secs(15);
/// Between two looks for exports whose time is over.
const TIDY: Duration = Duration::from_secs(600);
const TIDY_AT_ONCE: i32 = 100;
/// Attempts after which an export is given up: about 40 minutes.
const ATTEMPTS: i32 = 10;
const FIRST_PAUSE: u32 = 5;
const LONGEST_PAUSE: u32 = 600;

/// The object store, and who waits for what.
#[derive(Debug)]
pub struct Exports {
    objects: Objects,
    queued: Notify,
    ended: Notify,
}

impl Exports {
    /// Connects nowhere yet.
    ///
    /// # Errors
    /// An endpoint that is no URL.
    pub fn new(settings: &ObjectStoreSettings) -> Result<Option<Self>, ObjectError> {
        let Some(settings) = settings.complete()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            objects: Objects::new(&settings)?,
            queued: Notify::new(),
            ended: Notify::new(),
        }))
    }

    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Tells the loop that something was queued.
    pub fn wake(&self) {
        self.queued.notify_one();
    }

    /// Ends when an attempt of this process ends, of whatever export.
    pub fn an_attempt_ended(&self) -> Notified<'_> {
        self.ended.notified()
    }

    /// Writes what is queued until it is asked to stop; what it writes then is given back by its lease.
    pub async fn run(&self, store: &ApiStore, stop: &CancellationToken) {
        let mut tidied: Option<Instant> = None;
        loop {
            if tidied.is_none_or(|at| at.elapsed() > TIDY) {
                tidied = Some(Instant::now());
                if let Err(error) = self.tidy(store).await {
                    tracing::warn!(%error, "exports whose time is over were not removed");
                }
            }
            let rest = match self.write_next(store).await {
                Ok(true) => continue,
                Ok(false) => POLL,
                Err(error) => {
                    tracing::warn!(%error, "exports cannot be looked at; trying again");
                    POLL / 3
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.queued.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// One attempt at the export that waits longest; false where none waits.
    ///
    /// # Errors
    /// Database errors.
    pub async fn write_next(&self, store: &ApiStore) -> Result<bool, StoreError> {
        let lease = u32::try_from(LEASE.as_secs()).unwrap_or(u32::MAX);
        let Some(claimed) = store.claim_export(lease).await? else {
            return Ok(false);
        };
        let noted = self.attempt(store, &claimed).await;
        self.ended.notify_waiters();
        noted.map(|()| true)
    }

    async fn attempt(&self, store: &ApiStore, claimed: &ClaimedExport) -> Result<(), StoreError> {
        if claimed.attempts > ATTEMPTS {
            let lost = write::Trouble::Later("whoever wrote it was lost".to_owned());
            return store
                .release_export(claimed, &failure(claimed.attempts, lost))
                .await;
        }
        let writing =
            tokio::time::timeout(LEASE * 4 / 5, write::write(store, &self.objects, claimed));
        let trouble = match writing.await {
            Ok(Ok(written)) => {
                if !store.finish_export(claimed, &written).await? {
                    tracing::warn!(export = %claimed.id, "its lease ended before it was written");
                }
                return Ok(());
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => write::Trouble::Later("it took too long".to_owned()),
        };
        let failure = failure(claimed.attempts, trouble);
        tracing::warn!(export = %claimed.id, namespace = claimed.namespace, error = failure.error, "an export was not written");
        store.release_export(claimed, &failure).await
    }

    async fn tidy(&self, store: &ApiStore) -> anyhow::Result<()> {
        for expired in store.expired_exports(TIDY_AT_ONCE).await? {
            self.objects.delete(&expired.object_key).await?;
            store.forget_export(&expired).await?;
        }
        Ok(())
    }
}

fn failure(attempts: i32, trouble: write::Trouble) -> ExportFailure {
    match trouble {
        write::Trouble::Never(error) => ExportFailure {
            error,
            retry_after: None,
        },
        write::Trouble::Later(error) if attempts >= ATTEMPTS => ExportFailure {
            error: format!("given up after {attempts} attempts: {error}"),
            retry_after: None,
        },
        write::Trouble::Later(error) => {
            let doubled = u32::try_from(attempts.clamp(1, 16)).unwrap_or(1) - 1;
            ExportFailure {
                error,
                retry_after: Some((FIRST_PAUSE << doubled).min(LONGEST_PAUSE)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spaced_out_and_end() {
        let pause =
            |attempts| failure(attempts, write::Trouble::Later("away".to_owned())).retry_after;
        assert_eq!(
            [1, 2, 5, 9, 10].map(pause),
            [Some(5), Some(10), Some(80), Some(600), None]
        );
        let never = failure(1, write::Trouble::Never("no".to_owned()));
        assert_eq!(never.retry_after, None);
    }
}
