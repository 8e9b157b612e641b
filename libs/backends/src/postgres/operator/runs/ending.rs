//! The end of runs: cancelled, superseded, gone, finished. Whatever ends a task gives its reservation back.

use super::RunIdentity;
use crate::postgres::{StoreError, operator::OperatorStore};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// States in which nobody works on a task.
pub(super) const IDLE: [&str; 2] = ["queued", "parked"];
/// States in which a task may still end.
const OPEN: [&str; 3] = ["queued", "parked", "processing"];

impl OperatorStore {
    /// `spec.cancel`: ends the tasks that nobody works on and frees what they reserved. A worker that holds one of the
    /// others learns of it at its next heartbeat; calling again ends what it gave back. Answers how many ended now.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn cancel_run(&self, run: Uuid) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let ended = end_tasks(&mut transaction, run, &IDLE).await?;
        sqlx::query("UPDATE content_runs SET cancelled = true WHERE id = $1 AND NOT cancelled")
            .bind(run)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Notes the end of a run whose tasks have all ended; answers whether this call did.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn finish_run(&self, run: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let finished = sqlx::query(
            "UPDATE content_runs SET finished_at = coalesce((SELECT max(completed_at) FROM tasks WHERE run_id = $1), now())
             WHERE id = $1 AND finished_at IS NULL AND gone_at IS NULL
               AND NOT EXISTS (SELECT FROM tasks WHERE run_id = $1 AND status = ANY($2))",
        )
        .bind(run)
        .bind(&OPEN[..])
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(finished > 0)
    }

    /// The ContentJob of this uid is gone from the cluster: ends all its runs' work, a worker's leases included, and keeps
    /// the records. `erase` removes posts and usage as well; `purge` the task rows. Answers how many tasks ended.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn bury_job(
        &self,
        job_uid: Uuid,
        purge: bool,
        erase: bool,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let runs: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM content_runs WHERE job_uid = $1 ORDER BY id")
                .bind(job_uid)
                .fetch_all(&mut *transaction)
                .await?;
        let mut ended = 0;
        for run in runs {
            ended += end_tasks(&mut transaction, run, &OPEN).await?;
            leave(&mut transaction, run).await?;
            if erase {
                remove(&mut transaction, "DELETE FROM posts WHERE run_id = $1", run).await?;
                remove(&mut transaction, "DELETE FROM usage WHERE run_id = $1", run).await?;
            }
            if purge {
                remove(&mut transaction, "DELETE FROM tasks WHERE run_id = $1", run).await?;
            }
        }
        sqlx::query("DELETE FROM waits WHERE uid = $1")
            .bind(job_uid)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Uids of resources that the rows hold for living ones.
    ///
    /// # Errors
    /// Database errors.
    pub async fn owners_thought_alive(&self) -> Result<Vec<Owner>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT DISTINCT job_uid AS uid, namespace, name, 'ContentJob' AS kind FROM content_runs
             WHERE gone_at IS NULL AND kind <> 'embed'
             UNION ALL SELECT uid, namespace, name, 'Persona' FROM personas WHERE gone_at IS NULL
             UNION ALL SELECT coalesce(object_uid, uid), namespace, name, 'Experiment' FROM experiments WHERE gone_at IS NULL
             UNION ALL SELECT resource_uid, namespace, coalesce(resource_name, ''), 'Achievement' FROM achievements WHERE resource_uid IS NOT NULL
             UNION ALL SELECT uid, namespace, name, 'AchievementSource' FROM achievement_sources WHERE gone_at IS NULL",
        )
        .fetch_all(self.pool())
        .await?)
    }
}

/// A resource that rows name as their owner.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Owner {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub kind: OwnerKind,
}

/// The kinds of resources whose rows are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum OwnerKind {
    Persona,
    ContentJob,
    Experiment,
    Achievement,
    AchievementSource,
}

/// Ends all unfinished runs of the same resource name but `current`; answers how many.
pub(super) async fn supersede(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &RunIdentity<'_>,
    current: Uuid,
) -> Result<u64, StoreError> {
    let others: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM content_runs WHERE namespace_uid = $1 AND name = $2 AND id <> $3 AND finished_at IS NULL AND gone_at IS NULL
         ORDER BY id",
    )
    .bind(identity.namespace_uid)
    .bind(identity.name)
    .bind(current)
    .fetch_all(&mut **transaction)
    .await?;
    for run in &others {
        end_tasks(transaction, *run, &OPEN).await?;
        leave(transaction, *run).await?;
    }
    Ok(others.len() as u64)
}

/// Nothing of the run is claimed any more, and its Pods do not count.
async fn leave(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE content_runs SET gone_at = coalesce(gone_at, now()), job_pods = 0 WHERE id = $1",
    )
    .bind(run)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn remove(
    transaction: &mut Transaction<'static, Postgres>,
    statement: &'static str,
    run: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(statement)
        .bind(run)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Cancels the run's tasks in these states and frees what they reserved; answers how many. Taking away a lease makes the
/// worker's commit fail.
pub(super) async fn end_tasks(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
    states: &[&str],
) -> Result<u64, StoreError> {
    let reserved: Vec<(Uuid, Option<chrono::NaiveDate>, i64, i64)> = sqlx::query_as(
        "WITH ending AS (SELECT persona_uid, reserved_day, reserved_tokens FROM tasks
             WHERE run_id = $1 AND status = ANY($2) ORDER BY id FOR UPDATE)
         SELECT persona_uid, reserved_day, sum(reserved_tokens)::bigint, count(*) FROM ending GROUP BY persona_uid, reserved_day",
    )
    .bind(run)
    .bind(states)
    .fetch_all(&mut **transaction)
    .await?;
    if reserved.is_empty() {
        return Ok(0);
    }
    let ended = sqlx::query(
        "UPDATE tasks SET status = 'cancelled', completed_at = greatest(now(), started_at), parked_reason = NULL,
             lease_token = NULL, lease_until = NULL, reserved_tokens = 0 WHERE run_id = $1 AND status = ANY($2)",
    )
    .bind(run)
    .bind(states)
    .execute(&mut **transaction)
    .await?
    .rows_affected();
    let total: i64 = reserved.iter().map(|(_, _, tokens, _)| tokens).sum();
    sqlx::query(
        "UPDATE content_runs SET tokens_reserved = greatest(0, tokens_reserved - $2) WHERE id = $1",
    )
    .bind(run)
    .bind(total)
    .execute(&mut **transaction)
    .await?;
    for (persona, day, tokens, _) in reserved {
        sqlx::query("UPDATE token_days SET reserved = greatest(0, reserved - $3) WHERE persona_uid = $1 AND day = $2")
            .bind(persona)
            .bind(day)
            .bind(tokens)
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query(
        "DELETE FROM outbox USING tasks WHERE tasks.id = outbox.task_id AND tasks.run_id = $1 AND tasks.status = 'cancelled'
           AND outbox.sent_at IS NULL",
    )
    .bind(run)
    .execute(&mut **transaction)
    .await?;
    Ok(ended)
}
