//! Deliveries of webhooks: the source that a path names, and the inbox.

use super::ApiStore;
use crate::postgres::StoreError;
use uuid::Uuid;

/// Channel on which new rows of the inbox are told.
pub const INBOX_CHANNEL: &str = "threads_inbox";

/// What the receiver needs of a source.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WebhookSource {
    pub namespace: String,
    /// See [`crate::sealed::Sealer`]; absent where the source names no Secret.
    pub webhook_keys: Option<Vec<u8>>,
    pub suspended: bool,
}

/// A delivery whose signature was checked.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub source: Uuid,
    pub namespace: &'a str,
    /// The host's own id of it.
    pub id: &'a str,
    pub event: &'a str,
    /// JSON as it came.
    pub body: &'a [u8],
}

impl ApiStore {
    /// The living source of this uid, of whatever namespace: the signature proves afterwards who sends.
    ///
    /// # Errors
    /// Database errors.
    pub async fn webhook_source(&self, uid: Uuid) -> Result<Option<WebhookSource>, StoreError> {
        Ok(
            sqlx::query_as("SELECT namespace, webhook_keys, suspended FROM webhook_source($1)")
                .bind(uid)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// Puts a delivery into the inbox; it is committed when this answers. False where the source's delivery of this id came before.
    ///
    /// # Errors
    /// Database errors; then nothing is known to be kept, and the host shall deliver again.
    pub async fn keep_delivery(&self, delivery: &Delivery<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.begin(delivery.namespace).await?;
        let kept = sqlx::query(
            "INSERT INTO webhook_inbox (namespace, source_uid, delivery_id, event, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (source_uid, delivery_id) DO NOTHING",
        )
        .bind(delivery.namespace)
        .bind(delivery.source)
        .bind(delivery.id)
        .bind(delivery.event)
        .bind(delivery.body)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        if kept > 0 {
            self.inbox.notify_one();
        }
        Ok(kept > 0)
    }

    /// Notes that a delivery's signature held, or why it did not. Callers do so now and then, not at each delivery.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_webhook(
        &self,
        namespace: &str,
        source: Uuid,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(namespace).await?;
        sqlx::query(
            "UPDATE achievement_sources SET webhook_error = $2,
                 webhook_verified_at = CASE WHEN $2 IS NULL THEN now() ELSE webhook_verified_at END,
                 last_delivery_at = CASE WHEN $2 IS NULL THEN now() ELSE last_delivery_at END
             WHERE uid = $1",
        )
        .bind(source)
        .bind(error)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
