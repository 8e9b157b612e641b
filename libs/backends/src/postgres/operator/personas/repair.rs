//! What a lost queue or collection held is asked for again, by the rows.

use crate::postgres::{StoreError, operator::OperatorStore};
use uuid::Uuid;

impl OperatorStore {
    /// The vectors of these posts have to be stored again: their collection was made anew.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn forget_points(&self, collection: &str) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let posts = sqlx::query(
            "UPDATE posts SET point_version = 0 WHERE collection = $1 AND point_version > 0",
        )
        .bind(collection)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(posts)
    }

    /// Sends the wake-up messages of the persona's claimable tasks again: its queue was made anew, so the old ones are lost.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn wake_again(&self, persona: Uuid) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let woken = sqlx::query(
            "UPDATE outbox SET sent_at = NULL, error = NULL FROM tasks
             WHERE tasks.id = outbox.task_id AND tasks.persona_uid = $1 AND tasks.status = 'queued'
               AND outbox.sent_at IS NOT NULL
               AND outbox.attempt = (SELECT max(newest.attempt) FROM outbox newest WHERE newest.task_id = tasks.id)",
        )
        .bind(persona)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(woken)
    }
}
