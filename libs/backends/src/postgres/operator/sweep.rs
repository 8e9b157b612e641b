//! The sweep's decisions: each is one statement over all rows that it concerns, under the fence.
//!
//! Locks are taken as everywhere: tasks, then their runs, then the persona's day.

mod due;

pub use due::Due;

use super::{OperatorStore, outbox};
use crate::postgres::StoreError;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A task that lost its worker this often through no fault of its own fails.
pub const SYSTEM_FAILURES_MAX: i32 = 5;
/// Seconds after which a message that nobody acted upon is taken for lost.
pub const UNCLAIMED_SECONDS: f64 = 30.0;

/// Tasks of one decision, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leases that expired.
    pub expired: u64,
    /// Of these, tasks that had lost their last worker.
    pub system_failed: u64,
    pub past_deadline: u64,
    pub cancelled: u64,
    /// Messages that were put into the outbox.
    pub woken: u64,
}

impl Swept {
    #[must_use]
    pub fn changed_tasks(&self) -> u64 {
        self.expired + self.past_deadline + self.cancelled
    }
}

/// A persona with claimable tasks that nobody has claimed although their messages were sent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UnclaimedQueue {
    pub persona_uid: Uuid,
    pub queue: String,
    pub tasks: i64,
}

impl OperatorStore {
    /// Takes leases back that have expired, ends what is past its deadline or cancelled, and sends a message for every task
    /// that may be claimed and has none.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut transaction = self.begin().await?;
        let (expired, system_failed) = expire_leases(&mut transaction).await?;
        let (past_deadline, cancelled) = end_idle(&mut transaction).await?;
        let woken = wake_due(&mut transaction).await?;
        if woken > 0 {
            outbox::tell_relay(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(Swept {
            expired,
            system_failed,
            past_deadline,
            cancelled,
            woken,
        })
    }

    /// Personas whose claimable tasks have been waiting for longer than [`UNCLAIMED_SECONDS`] since their message was sent.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unclaimed_queues(&self) -> Result<Vec<UnclaimedQueue>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT persona.uid AS persona_uid, persona.queue, count(*) AS tasks
             FROM tasks task JOIN content_runs run ON run.id = task.run_id JOIN personas persona ON persona.uid = task.persona_uid
             JOIN outbox message ON message.task_id = task.id AND message.attempt = task.claims
             WHERE task.status = 'queued' AND task.not_before <= now() - make_interval(secs => $1)
               AND message.sent_at <= now() - make_interval(secs => $1)
               AND NOT run.suspended AND NOT run.cancelled AND run.gone_at IS NULL AND run.deadline_at > now()
               AND NOT persona.suspended AND persona.gone_at IS NULL AND NOT (SELECT paused FROM install_settings)
             GROUP BY persona.uid",
        )
        .bind(UNCLAIMED_SECONDS)
        .fetch_all(self.pool())
        .await?)
    }

    /// Sends the messages of a persona's claimable tasks again; answers how many.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn send_again(&self, persona: Uuid) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let woken = outbox::wake_claimable(&mut transaction, Some(persona)).await?;
        transaction.commit().await?;
        Ok(woken)
    }

    /// Runs with parked tasks that their budget may hold now.
    ///
    /// # Errors
    /// Database errors.
    pub async fn runs_with_budget(&self) -> Result<Vec<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT run.id FROM content_runs run JOIN personas persona ON persona.uid = run.persona_uid
             LEFT JOIN token_days today ON today.persona_uid = persona.uid AND today.day = (now() AT TIME ZONE 'UTC')::date
             WHERE run.finished_at IS NULL AND run.gone_at IS NULL AND NOT run.cancelled
               AND EXISTS (SELECT FROM tasks WHERE run_id = run.id AND status = 'parked' AND parked_reason = 'BudgetExhausted')
               AND coalesce(today.reserved + today.spent, 0) + run.task_tokens <= coalesce(persona.tokens_per_day, 9223372036854775807)
               AND (run.tokens_limit IS NULL OR run.tokens_limit - run.tokens_reserved - run.tokens_spent >= run.task_tokens
                   OR NOT EXISTS (SELECT FROM tasks WHERE run_id = run.id AND status IN ('queued', 'processing')))
             ORDER BY run.priority DESC, run.created_at",
        )
        .fetch_all(self.pool())
        .await?)
    }
}

/// A lost worker is a system failure, not an attempt. What it may have paid is charged at the task's reservation, marked as
/// an estimate; a task that goes on keeps its reservation for the next attempt.
async fn expire_leases(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<(u64, u64), StoreError> {
    let (expired, failed): (i64, i64) = sqlx::query_as(
        "WITH lost AS (
             SELECT task.id, task.namespace, task.persona_uid, task.run_id, task.claims, task.started_at, task.reserved_tokens,
                 task.reserved_day, task.system_failures + 1 AS failures, revision.spec #>> '{model,model}' AS model,
                 CASE WHEN run.cancelled OR run.gone_at IS NOT NULL OR persona.gone_at IS NOT NULL THEN 'cancelled'
                     WHEN task.system_failures + 1 >= $1 THEN 'failed' ELSE 'queued' END AS next
             FROM tasks task JOIN content_runs run ON run.id = task.run_id JOIN personas persona ON persona.uid = task.persona_uid
             JOIN persona_revisions revision ON revision.id = task.persona_revision
             WHERE task.status = 'processing' AND task.lease_until < now()
             ORDER BY task.id LIMIT 5000 FOR UPDATE OF task),
         ended AS (
             UPDATE tasks SET status = lost.next, system_failures = lost.failures, lease_token = NULL, lease_until = NULL,
                 reserved_tokens = CASE WHEN lost.next = 'queued' THEN tasks.reserved_tokens ELSE 0 END,
                 not_before = now() + make_interval(secs => CASE WHEN lost.next = 'queued' THEN power(2, lost.failures - 1) ELSE 0 END),
                 completed_at = CASE WHEN lost.next = 'queued' THEN NULL ELSE greatest(now(), tasks.started_at) END,
                 error_class = CASE WHEN lost.next = 'failed' THEN 'bug' ELSE error_class END,
                 error_code = CASE WHEN lost.next = 'failed' THEN 'SystemFailures' ELSE error_code END,
                 error_message = CASE WHEN lost.next = 'failed'
                     THEN format('%s workers were lost while they wrote this post', lost.failures) ELSE error_message END
             FROM lost WHERE tasks.id = lost.id RETURNING tasks.id),
         charged AS (
             INSERT INTO usage (at, namespace, persona_uid, run_id, task_id, claim, model, prompt_tokens, completion_tokens,
                 embedding_tokens, estimated)
             SELECT started_at, namespace, persona_uid, run_id, id, claims, coalesce(model, 'unknown'), reserved_tokens, 0, 0, true
             FROM lost WHERE reserved_tokens > 0 ON CONFLICT DO NOTHING),
         runs AS (
             UPDATE content_runs run SET tokens_spent = tokens_spent + share.paid,
                 tokens_reserved = greatest(0, tokens_reserved - share.freed),
                 last_error = CASE WHEN share.failed > 0 THEN jsonb_build_object('class', 'bug', 'code', 'SystemFailures',
                     'message', format('%s tasks lost %s workers each', share.failed, $1)) ELSE last_error END
             FROM (SELECT run_id, sum(reserved_tokens)::bigint AS paid, count(*) FILTER (WHERE next = 'failed') AS failed,
                     coalesce(sum(reserved_tokens) FILTER (WHERE next <> 'queued'), 0)::bigint AS freed FROM lost GROUP BY run_id) share
             WHERE run.id = share.run_id),
         days AS (
             UPDATE token_days day SET spent = day.spent + share.paid, reserved = greatest(0, day.reserved - share.freed)
             FROM (SELECT persona_uid, reserved_day, sum(reserved_tokens)::bigint AS paid,
                     coalesce(sum(reserved_tokens) FILTER (WHERE next <> 'queued'), 0)::bigint AS freed
                   FROM lost GROUP BY persona_uid, reserved_day) share
             WHERE day.persona_uid = share.persona_uid AND day.day = share.reserved_day)
         SELECT count(*), count(*) FILTER (WHERE next = 'failed') FROM lost",
    )
    .bind(SYSTEM_FAILURES_MAX)
    .fetch_one(&mut **transaction)
    .await?;
    Ok((expired.unsigned_abs(), failed.unsigned_abs()))
}

/// Ends tasks that nobody works on and nobody shall: past the run's deadline, cancelled, or of an owner that is gone.
async fn end_idle(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<(u64, u64), StoreError> {
    let (late, cancelled): (i64, i64) = sqlx::query_as(
        "WITH ending AS (
             SELECT task.id, task.run_id, task.persona_uid, task.reserved_tokens, task.reserved_day,
                 run.cancelled OR run.gone_at IS NOT NULL OR persona.gone_at IS NOT NULL AS cancelled
             FROM content_runs run JOIN tasks task ON task.run_id = run.id JOIN personas persona ON persona.uid = task.persona_uid
             WHERE run.finished_at IS NULL AND task.status IN ('queued', 'parked')
               AND (run.cancelled OR run.gone_at IS NOT NULL OR persona.gone_at IS NOT NULL OR run.deadline_at <= now())
             ORDER BY task.id LIMIT 5000 FOR UPDATE OF task),
         ended AS (
             UPDATE tasks SET status = CASE WHEN ending.cancelled THEN 'cancelled' ELSE 'failed' END, parked_reason = NULL,
                 reserved_tokens = 0, completed_at = greatest(now(), tasks.started_at),
                 error_class = CASE WHEN ending.cancelled THEN error_class ELSE 'waiting' END,
                 error_code = CASE WHEN ending.cancelled THEN error_code ELSE 'DeadlineExceeded' END,
                 error_message = CASE WHEN ending.cancelled THEN error_message
                     ELSE 'spec.timeouts.totalSeconds passed before this task ended' END
             FROM ending WHERE tasks.id = ending.id),
         unsent AS (DELETE FROM outbox USING ending WHERE outbox.task_id = ending.id AND outbox.sent_at IS NULL),
         runs AS (
             UPDATE content_runs run SET tokens_reserved = greatest(0, tokens_reserved - share.freed),
                 last_error = CASE WHEN share.late > 0 THEN jsonb_build_object('class', 'waiting', 'code', 'DeadlineExceeded',
                     'message', 'spec.timeouts.totalSeconds passed before all tasks ended') ELSE last_error END
             FROM (SELECT run_id, sum(reserved_tokens)::bigint AS freed, count(*) FILTER (WHERE NOT cancelled) AS late
                   FROM ending GROUP BY run_id) share
             WHERE run.id = share.run_id),
         days AS (
             UPDATE token_days day SET reserved = greatest(0, day.reserved - share.freed)
             FROM (SELECT persona_uid, reserved_day, sum(reserved_tokens)::bigint AS freed FROM ending
                   GROUP BY persona_uid, reserved_day) share
             WHERE day.persona_uid = share.persona_uid AND day.day = share.reserved_day)
         SELECT count(*) FILTER (WHERE NOT cancelled), count(*) FILTER (WHERE cancelled) FROM ending",
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok((late.unsigned_abs(), cancelled.unsigned_abs()))
}

/// One message a claim: a task that came back (retry, lost lease, released) has none for its present count of claims.
async fn wake_due(transaction: &mut Transaction<'static, Postgres>) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "INSERT INTO outbox (namespace, type, task_id, attempt)
         SELECT task.namespace, 'content.generation', task.id, task.claims
         FROM tasks task JOIN content_runs run ON run.id = task.run_id JOIN personas persona ON persona.uid = task.persona_uid
         WHERE task.status = 'queued' AND task.not_before <= now()
           AND NOT EXISTS (SELECT FROM outbox WHERE task_id = task.id AND attempt = task.claims)
           AND NOT run.suspended AND NOT run.cancelled AND run.gone_at IS NULL AND run.deadline_at > now()
           AND NOT persona.suspended AND persona.gone_at IS NULL AND NOT (SELECT paused FROM install_settings)
         ORDER BY task.priority DESC, task.created_at, task.index
         ON CONFLICT DO NOTHING",
    )
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}
