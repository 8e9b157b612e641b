//! What changed since somebody last looked: small reads for the loops that wake reconciles.

mod listener;

pub use listener::{Heard, Listener};

use super::OperatorStore;
use crate::postgres::{StoreError, migrate};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};
use std::{str::FromStr, time::Duration};
use uuid::Uuid;

/// Channel on which workers and the sweep tell that tasks changed.
pub const PROGRESS_CHANNEL: &str = "threads_progress";

const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// An unfinished run, and a mark that changes whenever its tasks do.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunMark {
    pub id: Uuid,
    pub namespace: String,
    pub name: String,
    pub mark: String,
}

impl OperatorStore {
    /// Whether the database answers and has a schema that this build understands; asked by standbys as well.
    ///
    /// # Errors
    /// No connection within five seconds, or [`StoreError::SchemaVersion`].
    pub async fn probe(dsn: &str) -> Result<(), StoreError> {
        let options = PgConnectOptions::from_str(dsn)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?;
        let asking = async {
            let mut connection = options
                .application_name("threads-operator-probe")
                .connect()
                .await?;
            let found: i32 = sqlx::query_scalar("SELECT schema_version FROM install_settings")
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            migrate::check_version(found)
        };
        tokio::time::timeout(PROBE_TIMEOUT, asking)
            .await
            .unwrap_or_else(|_| {
                Err(StoreError::Invalid(
                    "the database did not answer in time".to_owned(),
                ))
            })
    }

    /// All unfinished runs with their marks, in one query.
    ///
    /// # Errors
    /// Database errors.
    pub async fn run_marks(&self) -> Result<Vec<RunMark>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT run.id, run.namespace, run.name,
                 concat_ws(' ', run.suspended, run.cancelled, run.job_pods, tally.words, waiting.messages, waiting.refused) AS mark
             FROM content_runs run
             CROSS JOIN LATERAL (SELECT string_agg(concat_ws('/', status, tasks, tries), ' ' ORDER BY status) AS words
                 FROM (SELECT status, count(*) AS tasks, sum(retry_count + system_failures) AS tries FROM tasks
                     WHERE run_id = run.id GROUP BY status) by_status) tally
             CROSS JOIN LATERAL (SELECT count(*) AS messages, count(message.error) AS refused FROM tasks task
                 JOIN outbox message ON message.task_id = task.id AND message.sent_at IS NULL
                 WHERE task.run_id = run.id AND task.status = 'queued') waiting
             WHERE run.finished_at IS NULL AND run.gone_at IS NULL",
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// Sets the pause-all switch that claims obey; answers whether it was another before.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn set_paused(&self, paused: bool) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let changed = sqlx::query("UPDATE install_settings SET paused = $1 WHERE paused <> $1")
            .bind(paused)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        if changed > 0 && !paused {
            // Workers acknowledged what they could not claim while the switch was on.
            super::outbox::wake_claimable(&mut transaction, None).await?;
        }
        transaction.commit().await?;
        Ok(changed > 0)
    }
}
