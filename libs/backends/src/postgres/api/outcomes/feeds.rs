//! Heartbeats: up to when a feed has told everything.

use super::share_lock;
use crate::postgres::{StoreError, api::ApiStore};
use chrono::{DateTime, Utc};

impl ApiStore {
    /// Notes that `feed` is complete up to `through`, but never later than the receipt; what was said before is not taken back.
    /// Answers up to when it counts as complete now.
    ///
    /// # Errors
    /// Database errors.
    pub async fn heartbeat(
        &self,
        namespace: &str,
        feed: &str,
        through: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        share_lock(&mut transaction, namespace).await?;
        let through = sqlx::query_scalar(
            "INSERT INTO outcome_feeds AS feeds (namespace, feed, through, received_at)
             VALUES ($1, $2, least($3, clock_timestamp()), clock_timestamp())
             ON CONFLICT (namespace, feed) DO UPDATE SET through = greatest(feeds.through, excluded.through),
                 received_at = excluded.received_at
             RETURNING through",
        )
        .bind(namespace)
        .bind(feed)
        .bind(through)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.wake.notify_one();
        Ok(through)
    }
}
