//! What people are told: written before the status that shows it, sent by the operator's loop, forgotten after a month.

use super::OperatorStore;
use crate::postgres::StoreError;
use domain::notifications::{Notification, Topic};
use uuid::Uuid;

/// Rows that are looked at in one round.
const ROUND: i64 = 200;
/// Days after which what was told is forgotten.
const REMEMBERED_DAYS: i32 = 30;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    topic: String,
    kind: String,
    namespace: String,
    name: String,
    reason: String,
    message: String,
}

impl OperatorStore {
    /// Notes what shall be told; what was noted before stays as it is. Wakes [`Self::notifications_noted`].
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_notifications(&self, told: &[Notification]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for one in told {
            sqlx::query(
                "INSERT INTO notifications (id, namespace, kind, name, topic, reason, message)
                 VALUES ($1, $2, $3, $4, $5, $6, left($7, 2000)) ON CONFLICT (id) DO NOTHING",
            )
            .bind(one.id)
            .bind(&one.namespace)
            .bind(&one.kind)
            .bind(&one.name)
            .bind(one.topic.as_str())
            .bind(&one.reason)
            .bind(&one.message)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        self.noted.notify_one();
        Ok(())
    }

    /// Returns when this process noted something since the last call.
    pub async fn notifications_noted(&self) {
        self.noted.notified().await;
    }

    /// What may be sent now, oldest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn waiting_notifications(&self) -> Result<Vec<Notification>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, topic, kind, namespace, name, reason, message FROM notifications
             WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before <= now() ORDER BY created_at, id LIMIT $1",
        )
        .bind(ROUND)
        .fetch_all(self.pool())
        .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(Notification {
                    id: row.id,
                    topic: Topic::parse(&row.topic)?,
                    kind: row.kind,
                    namespace: row.namespace,
                    name: row.name,
                    reason: row.reason,
                    message: row.message,
                })
            })
            .collect())
    }

    /// How many wait, whether or not they may be sent now.
    ///
    /// # Errors
    /// Database errors.
    pub async fn notifications_waiting(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM notifications WHERE sent_at IS NULL AND given_up_at IS NULL",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// The receiver took them.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn mark_notified(&self, ids: &[Uuid]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE notifications SET sent_at = now(), error = NULL WHERE id = ANY ($1)")
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The receiver did not take them: they are tried again, ever later up to five minutes, for a day. Answers how many were given up.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn put_off_notifications(&self, ids: &[Uuid], why: &str) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let given_up: Vec<bool> = sqlx::query_scalar(
            "UPDATE notifications SET attempts = attempts + 1, error = left($2, 500),
                 not_before = now() + make_interval(secs => least(300, power(2, least(attempts, 10)))),
                 given_up_at = CASE WHEN created_at < now() - interval '1 day' THEN now() END
             WHERE id = ANY ($1) RETURNING given_up_at IS NOT NULL",
        )
        .bind(ids)
        .bind(why)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(given_up.into_iter().filter(|given_up| *given_up).count() as u64)
    }

    /// Forgets what was told long ago; where nobody receives, also what waits for longer than a day.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn forget_notifications(&self, receiver: bool) -> Result<(), StoreError> {
        let due: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM notifications WHERE created_at < now() - make_interval(days => $1))
                 OR NOT $2 AND EXISTS (SELECT FROM notifications
                     WHERE sent_at IS NULL AND given_up_at IS NULL AND created_at < now() - interval '1 day')",
        )
        .bind(REMEMBERED_DAYS)
        .bind(receiver)
        .fetch_one(self.pool())
        .await?;
        if !due {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE notifications SET given_up_at = now(), error = 'no receiver is configured'
             WHERE NOT $1 AND sent_at IS NULL AND given_up_at IS NULL AND created_at < now() - interval '1 day'",
        )
        .bind(receiver)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "DELETE FROM notifications WHERE created_at < now() - make_interval(days => $1)",
        )
        .bind(REMEMBERED_DAYS)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
