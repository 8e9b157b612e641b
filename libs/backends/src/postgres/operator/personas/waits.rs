//! What a resource waits for, so that five minutes are counted across restarts.

use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A thing that a resource waits for.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Wait {
    pub reason: String,
    pub since: DateTime<Utc>,
    /// Seconds since then, by the database's clock.
    pub seconds: f64,
}

impl OperatorStore {
    /// Whether the resource waits for anything, by the rows.
    ///
    /// # Errors
    /// Database errors.
    pub async fn waits(&self, uid: Uuid) -> Result<bool, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM waits WHERE uid = $1)")
                .bind(uid)
                .fetch_one(self.pool())
                .await?,
        )
    }

    /// Notes what a resource waits for now and forgets what it no longer waits for; answers since when.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_waits(&self, uid: Uuid, reasons: &[String]) -> Result<Vec<Wait>, StoreError> {
        if reasons.is_empty() && !self.waits(uid).await? {
            // A read costs no flush of the log; most resources never wait.
            return Ok(Vec::new());
        }
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM waits WHERE uid = $1 AND NOT reason = ANY($2)")
            .bind(uid)
            .bind(reasons)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO waits (uid, reason) SELECT $1, unnest($2) ON CONFLICT DO NOTHING")
            .bind(uid)
            .bind(reasons)
            .execute(&mut *transaction)
            .await?;
        let waits = sqlx::query_as(
            "SELECT reason, since, extract(epoch FROM now() - since)::double precision AS seconds
             FROM waits WHERE uid = $1 ORDER BY since",
        )
        .bind(uid)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(waits)
    }
}
