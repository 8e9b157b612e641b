//! Repairs, and the verbs of people: rows that were deleted by hand, `retry=failed`, `discard=failed`.

use super::reserve;
use crate::postgres::{StoreError, operator::OperatorStore};
use domain::names::task_id;
use uuid::Uuid;

impl OperatorStore {
    /// Writes the missing task rows of a run anew, after the pattern of one that is left; answers how many. A task that was a
    /// unit of an experiment gets its own arm again.
    ///
    /// A task whose post stands is written as completed and never run again. In a run that had finished, one without a post
    /// counts as failed, because nobody knows how it ended and running it unasked could write what was refused. Where no
    /// row is left, [`OperatorStore::create_run`] writes all of them.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn restore_tasks(&self, run: Uuid) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let total: i32 =
            sqlx::query_scalar("SELECT tasks_total FROM content_runs WHERE id = $1 FOR UPDATE")
                .bind(run)
                .fetch_one(&mut *transaction)
                .await?;
        let ids: Vec<Uuid> = (0..total).map(|index| task_id(run, index)).collect();
        let restored = sqlx::query(
            "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, prompt_variables, protocol,
                 credentials_digest, kind, index, payload, priority, max_attempts, status, parked_reason, completed_at,
                 error_class, error_code, error_message, arm, arm_probability_bp, weight_epoch)
             SELECT item.id, run.namespace, run.id, run.persona_uid, pattern.persona_revision,
                 coalesce(own.prompt ->> 'digest', pattern.prompt_digest),
                 coalesce(own.prompt -> 'variables', pattern.prompt_variables), pattern.protocol, pattern.credentials_digest, run.kind, item.ordinality - 1,
                 pattern.payload, run.priority, pattern.max_attempts, next.status,
                 CASE WHEN next.status = 'parked' THEN 'BudgetExhausted' END,
                 CASE next.status WHEN 'completed' THEN post.ts WHEN 'failed' THEN run.finished_at END,
                 CASE WHEN next.status = 'failed' THEN 'bug' END, CASE WHEN next.status = 'failed' THEN 'RowLost' END,
                 CASE WHEN next.status = 'failed' THEN 'the row of this task was deleted after the run had ended' END,
                 nullif(own.prompt ->> 'name', ''), round(unit.probability * 10000)::integer, unit.weight_epoch
             FROM content_runs run
             JOIN LATERAL (SELECT * FROM tasks WHERE run_id = run.id LIMIT 1) pattern ON true
             JOIN unnest($2::uuid[]) WITH ORDINALITY AS item (id, ordinality) ON true
             LEFT JOIN posts post ON post.task_id = item.id
             LEFT JOIN experiment_units unit ON unit.task_id = item.id
             CROSS JOIN LATERAL (SELECT CASE WHEN unit.id IS NULL THEN run.arm_prompts -> 'base'
                 ELSE run.arm_prompts -> 'arms' -> unit.arm END AS prompt) own
             CROSS JOIN LATERAL (SELECT CASE WHEN post.id IS NOT NULL THEN 'completed'
                 WHEN run.kind = 'plan' AND run.plan IS NOT NULL THEN 'completed'
                 WHEN run.finished_at IS NOT NULL THEN 'failed' ELSE 'parked' END AS status) next
             WHERE run.id = $1 AND NOT EXISTS (SELECT FROM tasks WHERE id = item.id)
             ON CONFLICT DO NOTHING",
        )
        .bind(run)
        .bind(ids)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        reserve::reserve_and_queue(&mut transaction, run).await?;
        transaction.commit().await?;
        Ok(restored)
    }

    /// Gives failed and dead-lettered tasks fresh attempts and the run a new deadline, once for each value of the
    /// annotation; answers how many.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn retry_failed(
        &self,
        run: Uuid,
        value: &str,
        total_seconds: i32,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let fresh = sqlx::query(
            "UPDATE content_runs SET retry_handled = $2 WHERE id = $1 AND retry_handled IS DISTINCT FROM $2 AND NOT cancelled",
        )
        .bind(run)
        .bind(value)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if fresh == 0 {
            return Ok(0);
        }
        let retried = sqlx::query(
            "UPDATE tasks SET status = 'parked', parked_reason = 'BudgetExhausted', completed_at = NULL, retry_count = 0,
                 system_failures = 0, error_class = NULL, error_code = NULL, error_message = NULL
             WHERE run_id = $1 AND status IN ('failed', 'dead_lettered')",
        )
        .bind(run)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if retried > 0 {
            sqlx::query(
                "UPDATE content_runs SET finished_at = NULL, last_error = NULL, job_failures = 0,
                     deadline_at = now() + make_interval(secs => $2) WHERE id = $1",
            )
            .bind(run)
            .bind(f64::from(total_seconds))
            .execute(&mut *transaction)
            .await?;
        }
        reserve::reserve_and_queue(&mut transaction, run).await?;
        transaction.commit().await?;
        Ok(retried)
    }

    /// Gives failed and dead-lettered tasks up: they count as cancelled. Once for each value of the annotation.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn discard_failed(&self, run: Uuid, value: &str) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let fresh = sqlx::query(
            "UPDATE content_runs SET discard_handled = $2 WHERE id = $1 AND discard_handled IS DISTINCT FROM $2",
        )
        .bind(run)
        .bind(value)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        let mut discarded = 0;
        if fresh > 0 {
            discarded = sqlx::query(
                "UPDATE tasks SET status = 'cancelled' WHERE run_id = $1 AND status IN ('failed', 'dead_lettered')",
            )
            .bind(run)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        }
        transaction.commit().await?;
        Ok(discarded)
    }

    /// The annotations are gone: the same values may be used again.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn forget_verbs(
        &self,
        run: Uuid,
        retry: bool,
        discard: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE content_runs SET retry_handled = CASE WHEN $2 THEN NULL ELSE retry_handled END,
                 discard_handled = CASE WHEN $3 THEN NULL ELSE discard_handled END WHERE id = $1",
        )
        .bind(run)
        .bind(retry)
        .bind(discard)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
