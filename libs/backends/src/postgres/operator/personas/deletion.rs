//! The end of a persona: its work is cancelled first, then its row is gone; its records stay unless they shall be erased.

use crate::postgres::{StoreError, operator::OperatorStore};
use uuid::Uuid;

impl OperatorStore {
    /// Cancels all unfinished work of a persona and frees what it reserved. Answers how many tasks a worker still holds:
    /// those end at their next heartbeat or commit, or with their lease.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn cancel_persona(&self, uid: Uuid) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        for statement in [
            "UPDATE content_runs SET cancelled = true WHERE persona_uid = $1 AND finished_at IS NULL AND NOT cancelled",
            "WITH ended AS (
                 UPDATE tasks SET status = 'cancelled', completed_at = greatest(now(), started_at), parked_reason = NULL
                 WHERE persona_uid = $1 AND status IN ('queued', 'parked')
                 RETURNING run_id, persona_uid, reserved_tokens, reserved_day),
             freed AS (SELECT run_id, sum(reserved_tokens)::bigint AS tokens FROM ended GROUP BY run_id),
             days AS (SELECT persona_uid, reserved_day, sum(reserved_tokens)::bigint AS tokens FROM ended
                 GROUP BY persona_uid, reserved_day),
             runs AS (UPDATE content_runs SET tokens_reserved = greatest(0, tokens_reserved - freed.tokens)
                 FROM freed WHERE content_runs.id = freed.run_id)
             UPDATE token_days SET reserved = greatest(0, reserved - days.tokens)
             FROM days WHERE token_days.persona_uid = days.persona_uid AND token_days.day = days.reserved_day",
            "UPDATE tasks SET reserved_tokens = 0 WHERE persona_uid = $1 AND status = 'cancelled' AND reserved_tokens > 0",
            "DELETE FROM outbox USING tasks WHERE tasks.id = outbox.task_id AND tasks.persona_uid = $1
                 AND tasks.status = 'cancelled' AND outbox.sent_at IS NULL",
        ] {
            sqlx::query(statement).bind(uid).execute(&mut *transaction).await?;
        }
        let held = sqlx::query_scalar(
            "SELECT count(*) FROM tasks WHERE persona_uid = $1 AND status = 'processing'",
        )
        .bind(uid)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(held)
    }

    /// Tasks of the persona that may still run.
    ///
    /// # Errors
    /// Database errors.
    pub async fn live_tasks(&self, uid: Uuid) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM tasks WHERE persona_uid = $1 AND status IN ('queued', 'parked', 'processing')",
        )
        .bind(uid)
        .fetch_one(self.pool())
        .await?)
    }

    /// The resource is gone: nothing claims for it any more. `erase` removes its posts and usage as well.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn bury_persona(&self, uid: Uuid, erase: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE personas SET gone_at = now() WHERE uid = $1 AND gone_at IS NULL")
            .bind(uid)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM waits WHERE uid = $1")
            .bind(uid)
            .execute(&mut *transaction)
            .await?;
        if erase {
            for statement in [
                "DELETE FROM posts WHERE persona_uid = $1",
                "DELETE FROM usage WHERE persona_uid = $1",
            ] {
                sqlx::query(statement)
                    .bind(uid)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}
