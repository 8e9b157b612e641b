//! Keeps a lease alive while an attempt runs, and says when it is lost.

use crate::ports::Tasks;
use backends::postgres::StoreError;
use domain::tasks::ClaimedTask;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Renewals in one lease: two may be lost before the lease is.
const RENEWALS: u32 = 3;

/// Renews the lease in a task of its own, until dropped.
///
/// A renewal that the database does not answer is no loss: only a commit under another's token is, and the commit checks it.
pub struct Heartbeat {
    lost: CancellationToken,
    done: CancellationToken,
}

impl Heartbeat {
    #[must_use]
    pub fn start(tasks: Arc<dyn Tasks>, task: ClaimedTask, lease: Duration) -> Self {
        Self::beat(task.id, lease, move || {
            let (tasks, task) = (tasks.clone(), task.clone());
            async move { tasks.extend(&task).await }
        })
    }

    /// As [`Heartbeat::start`], for any kind of task; `renew` answers false where the lease is lost.
    #[must_use]
    pub fn beat<F>(
        task: Uuid,
        lease: Duration,
        renew: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<bool, StoreError>> + Send,
    {
        let heartbeat = Self {
            lost: CancellationToken::new(),
            done: CancellationToken::new(),
        };
        let (lost, done) = (heartbeat.lost.clone(), heartbeat.done.clone());
        tokio::spawn(async move {
            // The renewal itself is never cancelled: a query that is dropped half-way costs a connection.
            while done
                .run_until_cancelled(tokio::time::sleep(lease / RENEWALS))
                .await
                .is_some()
            {
                match renew().await {
                    Ok(true) => {}
                    Ok(false) => return lost.cancel(),
                    Err(error) => {
                        tracing::warn!(%task, %error, "the lease was not renewed")
                    }
                }
            }
        });
        heartbeat
    }

    /// Waits until the lease is lost, which may be never.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.done.cancel();
    }
}
