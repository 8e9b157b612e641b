//! A resource that is applied again takes over what its predecessor of the same name left, so that nothing runs twice.

use super::{RunIdentity, ending, reserve};
use crate::postgres::{StoreError, operator::OperatorStore};
use uuid::Uuid;

/// What became of a run that was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// It had ended; nothing runs again.
    Finished,
    /// It had not; its cancelled tasks wait for workers again.
    Reopened,
}

impl OperatorStore {
    /// A run of the same resource that nobody has any more: of a gone uid of the same name, or of this uid from before
    /// another `runId` took its place.
    ///
    /// The caller has just seen the object alive, so every other uid of the same namespace uid and name is gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_predecessor(
        &self,
        identity: &RunIdentity<'_>,
    ) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM content_runs WHERE namespace_uid = $1 AND name = $2 AND run_key = $3 AND spec_digest = $4
               AND (job_uid <> $5 OR gone_at IS NOT NULL) ORDER BY created_at DESC LIMIT 1",
        )
        .bind(identity.namespace_uid)
        .bind(identity.name)
        .bind(identity.run_key)
        .bind(identity.spec_digest)
        .bind(identity.job_uid)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Takes over a run that [`Self::find_predecessor`] named. One that had not ended, or that was cancelled where the new
    /// resource is not, goes on: its cancelled tasks are queued again within the budget, with a new deadline.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn adopt_run(
        &self,
        run: Uuid,
        identity: &RunIdentity<'_>,
        cancel: bool,
        total_seconds: i32,
    ) -> Result<Adoption, StoreError> {
        let mut transaction = self.begin().await?;
        ending::supersede(&mut transaction, identity, run).await?;
        let reopened: bool = sqlx::query_scalar(
            "SELECT finished_at IS NULL OR (cancelled AND NOT $2) FROM content_runs WHERE id = $1 FOR UPDATE",
        )
        .bind(run)
        .bind(cancel)
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE content_runs SET job_uid = $2, gone_at = NULL, job_pods = 0 WHERE id = $1",
        )
        .bind(run)
        .bind(identity.job_uid)
        .execute(&mut *transaction)
        .await?;
        if reopened {
            sqlx::query(
                "UPDATE tasks SET status = 'parked', parked_reason = 'BudgetExhausted', completed_at = NULL,
                     error_class = NULL, error_code = NULL, error_message = NULL
                 WHERE run_id = $1 AND status = 'cancelled'",
            )
            .bind(run)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "UPDATE content_runs SET cancelled = false, finished_at = NULL, deadline_at = now() + make_interval(secs => $2)
                 WHERE id = $1",
            )
            .bind(run)
            .bind(f64::from(total_seconds))
            .execute(&mut *transaction)
            .await?;
            reserve::reserve_and_queue(&mut transaction, run).await?;
        }
        transaction.commit().await?;
        Ok(if reopened {
            Adoption::Reopened
        } else {
            Adoption::Finished
        })
    }
}
