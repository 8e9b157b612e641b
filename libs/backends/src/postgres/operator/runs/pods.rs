//! Who may have how many worker Pods. The rows decide, so that two reconciles at once never go above a limit, and a cache
//! that has not seen a Job yet does not matter.

use super::Reservation;
use crate::postgres::{StoreError, operator::OperatorStore};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// One lock for all grants: they are short and rare.
const GRANT_LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('threads.pods', 0))";

/// Worker Pods of the whole install, those of sources too.
macro_rules! pods_of_install {
    () => {
        "(SELECT coalesce(sum(job_pods), 0) FROM content_runs WHERE job_pods > 0)::bigint
             + (SELECT coalesce(sum(pods), 0) FROM achievement_jobs WHERE pods > 0)::bigint"
    };
}

/// The limits that a grant obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodBudget {
    /// Pods that the run could use.
    pub wanted: i32,
    /// `limits.concurrency` of the persona.
    pub persona: i32,
    /// Worker Pods of the whole install; absent means no limit.
    pub install: Option<i32>,
}

/// A worker Job that may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSlot {
    pub ordinal: i32,
    pub pods: i32,
}

/// What a new run's wish for Pods came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It had none, or has no task that could be claimed.
    NotAsked,
    Granted(JobSlot),
    /// No Pod is left.
    Refused,
}

/// A run that has claimable tasks and no Pods.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WaitingRun {
    pub namespace: String,
    pub name: String,
}

impl OperatorStore {
    /// Gives a run the number of its next worker Job, and as many Pods as every limit leaves, before the Job is made. None
    /// where no Pod is left. `failures` is how many of its Jobs have failed in a row.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn grant_pods(
        &self,
        run: Uuid,
        budget: PodBudget,
        failures: i32,
    ) -> Result<Option<JobSlot>, StoreError> {
        let mut transaction = self.begin().await?;
        let slot = take_place(&mut transaction, run, budget, failures).await?;
        if slot.is_some() {
            transaction.commit().await?;
        }
        Ok(slot)
    }

    /// The run's Pods have ended. Answers the runs that come next for what is free now, best first.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn release_pods(&self, run: Uuid) -> Result<Vec<WaitingRun>, StoreError> {
        let mut transaction = self.begin().await?;
        let freed: Option<i32> = sqlx::query_scalar(
            "WITH held AS (SELECT id, job_pods FROM content_runs WHERE id = $1 AND job_pods > 0 FOR UPDATE)
             UPDATE content_runs SET job_pods = 0 FROM held WHERE content_runs.id = held.id RETURNING held.job_pods",
        )
        .bind(run)
        .fetch_optional(&mut *transaction)
        .await?;
        let next = sqlx::query_as(
            "SELECT waiting.namespace, waiting.name FROM content_runs waiting JOIN content_runs run ON run.id = $1
             WHERE waiting.finished_at IS NULL AND waiting.gone_at IS NULL AND NOT waiting.suspended AND NOT waiting.cancelled
               AND waiting.job_pods = 0 AND waiting.id <> run.id
               AND EXISTS (SELECT FROM tasks WHERE run_id = waiting.id AND status = 'queued')
             ORDER BY (waiting.persona_uid = run.persona_uid) DESC, waiting.priority DESC, waiting.created_at LIMIT $2",
        )
        .bind(run)
        .bind(i64::from(freed.unwrap_or(0)))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(next)
    }
}

/// Asks for the Pods of a run that was just written, at most one a queued task.
pub(super) async fn first_place(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
    asked: PodBudget,
    reservation: &Reservation,
) -> Result<Place, StoreError> {
    let queued = i32::try_from(reservation.queued).unwrap_or(i32::MAX);
    if queued == 0 {
        return Ok(Place::NotAsked);
    }
    let budget = PodBudget {
        wanted: asked.wanted.min(queued),
        ..asked
    };
    let slot = take_place(transaction, run, budget, 0).await?;
    Ok(slot.map_or(Place::Refused, Place::Granted))
}

/// Locks the grants until the transaction ends. What is counted is counted by a later statement: one that waited for the
/// lock would still see the grants of before.
async fn take_place(
    transaction: &mut Transaction<'static, Postgres>,
    run: Uuid,
    budget: PodBudget,
    failures: i32,
) -> Result<Option<JobSlot>, StoreError> {
    sqlx::query(GRANT_LOCK).execute(&mut **transaction).await?;
    let (of_all, of_persona, of_run): (i64, i64, i64) = sqlx::query_as(concat!(
        "SELECT ",
        pods_of_install!(),
        ", coalesce(sum(other.job_pods) FILTER (WHERE other.id <> run.id), 0)::bigint,
             coalesce(sum(other.job_pods) FILTER (WHERE other.id = run.id), 0)::bigint
         FROM content_runs run LEFT JOIN content_runs other ON other.job_pods > 0 AND other.persona_uid = run.persona_uid
         WHERE run.id = $1",
    ))
    .bind(run)
    .fetch_one(&mut **transaction)
    .await?;
    let pods = grant(budget, of_persona, of_all - of_run);
    if pods == 0 {
        return Ok(None);
    }
    let ordinal = sqlx::query_scalar(
        "UPDATE content_runs SET job_ordinal = job_ordinal + 1, job_pods = $2, job_failures = $3 WHERE id = $1
         RETURNING job_ordinal",
    )
    .bind(run)
    .bind(pods)
    .bind(failures)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(Some(JobSlot { ordinal, pods }))
}

/// Worker Pods of the whole install, those of sources too. No other grant is made until the transaction ends.
pub(in crate::postgres::operator) async fn granted(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<i64, StoreError> {
    sqlx::query(GRANT_LOCK).execute(&mut **transaction).await?;
    Ok(sqlx::query_scalar(concat!("SELECT ", pods_of_install!()))
        .fetch_one(&mut **transaction)
        .await?)
}

/// The run that comes first of those that wait for a worker Pod.
pub(in crate::postgres::operator) async fn first_waiting(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<Option<WaitingRun>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT namespace, name FROM content_runs WHERE finished_at IS NULL AND gone_at IS NULL AND NOT suspended AND NOT cancelled
           AND job_pods = 0 AND EXISTS (SELECT FROM tasks WHERE run_id = content_runs.id AND status = 'queued')
         ORDER BY priority DESC, created_at LIMIT 1",
    )
    .fetch_optional(&mut **transaction)
    .await?)
}

fn grant(budget: PodBudget, of_persona: i64, of_install: i64) -> i32 {
    let left = |limit: i32, used: i64| (i64::from(limit) - used).max(0);
    let pods = i64::from(budget.wanted)
        .min(left(budget.persona, of_persona))
        .min(
            budget
                .install
                .map_or(i64::MAX, |limit| left(limit, of_install)),
        );
    i32::try_from(pods.max(0)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_stays_within_every_limit() {
        for (wanted, persona, install, of_persona, of_install, expected) in [
            (2, 5, None, 0, 90, 2),
            (4, 5, None, 2, 2, 3),
            (4, 5, None, 7, 7, 0),
            (4, 5, Some(10), 0, 9, 1),
            (0, 5, Some(10), 0, 0, 0),
        ] {
            let budget = PodBudget {
                wanted,
                persona,
                install,
            };
            assert_eq!(
                grant(budget, of_persona, of_install),
                expected,
                "{budget:?}"
            );
        }
    }
}
