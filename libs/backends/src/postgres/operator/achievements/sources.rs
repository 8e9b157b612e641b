//! The rows of sources: what webhook, inbox and workers know of an AchievementSource.

use crate::postgres::{StoreError, achievements::lock, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::{achievement::SourceSettings, digest::digest_of};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// What a resource says of its source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecord<'a> {
    pub uid: Uuid,
    pub namespace: &'a str,
    pub namespace_uid: Uuid,
    pub name: &'a str,
    pub settings: &'a SourceSettings,
    /// Of the Secrets that its workers mount.
    pub credentials_digest: &'a str,
    pub suspended: bool,
}

/// A source as its controller sees it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SourceRow {
    pub settings_digest: String,
    pub credentials_digest: String,
    pub suspended: bool,
    pub webhook_keys_digest: Option<String>,
    pub webhook_verified_at: Option<DateTime<Utc>>,
    pub webhook_error: Option<String>,
    pub last_delivery_at: Option<DateTime<Utc>>,
    pub reached_at: Option<DateTime<Utc>>,
    /// Message of the last failure to reach the host; absent since it was reached.
    pub unreachable: Option<String>,
    pub caught_up_at: Option<DateTime<Utc>>,
    /// Records that were not deleted, those of them whose newest facts were analysed, deliveries that wait.
    pub collected: i64,
    pub analysed: i64,
    pub waiting: i64,
}

/// A living source, and a mark that changes with what its status shows.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SourceMark {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub mark: String,
}

impl OperatorStore {
    /// The row of a resource with what is known of its source; none where it has none yet.
    ///
    /// # Errors
    /// Database errors.
    pub async fn source_row(&self, uid: Uuid) -> Result<Option<SourceRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT settings_digest, credentials_digest, suspended, webhook_keys_digest, webhook_verified_at, webhook_error,
                 last_delivery_at, reached_at, reach_error ->> 'message' AS unreachable, caught_up_at,
                 (SELECT count(*) FROM achievements WHERE source_uid = uid AND deleted_at IS NULL) AS collected,
                 (SELECT count(*) FROM achievements WHERE source_uid = uid AND deleted_at IS NULL
                     AND analyzed_version = facts_version) AS analysed,
                 (SELECT count(*) FROM webhook_inbox WHERE source_uid = uid AND handled_at IS NULL) AS waiting
             FROM achievement_sources WHERE uid = $1 AND gone_at IS NULL",
        )
        .bind(uid)
        .fetch_optional(self.pool())
        .await?)
    }

    /// Writes what a resource says. The first time, the row of an earlier resource of the same name is taken over with its records,
    /// evidence and cursors; its webhook keys are not, since they were sealed for that one. Where what is collected changes, the next
    /// backfill starts from the beginning, at once.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sync_source(&self, record: &SourceRecord<'_>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock(&mut transaction, record.namespace).await?;
        take_over(&mut transaction, record).await?;
        let settings = serde_json::to_value(record.settings)?;
        sqlx::query(
            "DELETE FROM backfill_cursors cursors USING achievement_sources source
             WHERE source.uid = $1 AND cursors.source_uid = source.uid
               AND source.settings - ARRAY['resources', 'publish', 'embedding', 'backfillEverySeconds', 'token']
                   IS DISTINCT FROM $2::jsonb - ARRAY['resources', 'publish', 'embedding', 'backfillEverySeconds', 'token']",
        )
        .bind(record.uid)
        .bind(&settings)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO achievement_sources AS source (uid, namespace, namespace_uid, name, settings, settings_digest,
                 credentials_digest, suspended, backfill_due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
             ON CONFLICT (uid) DO UPDATE SET settings = $5, settings_digest = $6, credentials_digest = $7, suspended = $8,
                 gone_at = NULL,
                 collection = CASE WHEN source.settings -> 'embedding' IS NOT DISTINCT FROM $5 -> 'embedding' THEN source.collection END,
                 backfill_due_at = CASE WHEN source.settings_digest = $6 THEN source.backfill_due_at ELSE now() END,
                 caught_up_at = CASE WHEN EXISTS (SELECT FROM backfill_cursors WHERE source_uid = $1)
                     OR source.settings_digest = $6 THEN source.caught_up_at END",
        )
        .bind(record.uid)
        .bind(record.namespace)
        .bind(record.namespace_uid)
        .bind(record.name)
        .bind(&settings)
        .bind(digest_of(record.settings))
        .bind(record.credentials_digest)
        .bind(record.suspended)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Stores sealed webhook secrets with the digest by which a change of them is seen; none means that no delivery is taken.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn set_webhook_keys(
        &self,
        uid: Uuid,
        sealed: Option<(&[u8], &str)>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE achievement_sources SET webhook_keys = $2, webhook_keys_digest = $3 WHERE uid = $1")
            .bind(uid)
            .bind(sealed.map(|it| it.0))
            .bind(sealed.map(|it| it.1))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The resource is gone from the cluster: deliveries are refused, records stay.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn bury_source(&self, uid: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievement_sources SET gone_at = coalesce(gone_at, now()), webhook_keys = NULL, webhook_keys_digest = NULL
             WHERE uid = $1",
        )
        .bind(uid)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE achievement_jobs SET pods = 0 WHERE source_uid = $1")
            .bind(uid)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes a source with its records, evidence, cursors and deliveries. A record for which somebody declared an Achievement
    /// stays, without its source.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn purge_source(&self, uid: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let namespace: Option<String> =
            sqlx::query_scalar("SELECT namespace FROM achievement_sources WHERE uid = $1")
                .bind(uid)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(namespace) = namespace else {
            return Ok(());
        };
        lock(&mut transaction, &namespace).await?;
        for statement in PURGE {
            sqlx::query(statement)
                .bind(uid)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The marks of all living sources.
    ///
    /// # Errors
    /// Database errors.
    pub async fn source_marks(&self) -> Result<Vec<SourceMark>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT uid, namespace, name, concat_ws(' ', webhook_verified_at IS NOT NULL, webhook_error, last_delivery_at,
                 reached_at IS NOT NULL, reach_error, caught_up_at) AS mark
             FROM achievement_sources WHERE gone_at IS NULL",
        )
        .fetch_all(self.pool())
        .await?)
    }
}

/// What goes with a source, in an order that keeps references whole.
const PURGE: [&str; 10] = [
    "UPDATE achievements SET source_uid = NULL WHERE source_uid = $1 AND resource_uid IS NOT NULL AND NOT resource_wanted",
    "UPDATE achievements SET duplicate_of = NULL, duplicate_bp = NULL
     WHERE duplicate_of IN (SELECT id FROM achievements WHERE source_uid = $1)",
    "UPDATE achievements SET superseded_by = NULL WHERE superseded_by IN (SELECT id FROM achievements WHERE source_uid = $1)",
    "UPDATE achievements SET reverted_by = NULL WHERE reverted_by IN (SELECT id FROM achievements WHERE source_uid = $1)",
    "DELETE FROM achievements WHERE source_uid = $1",
    "UPDATE achievement_tasks SET source_uid = NULL WHERE source_uid = $1",
    "DELETE FROM achievement_evidence WHERE source_uid = $1",
    "DELETE FROM webhook_inbox WHERE source_uid = $1",
    "DELETE FROM achievement_jobs WHERE source_uid = $1",
    "DELETE FROM achievement_sources WHERE uid = $1",
];

/// A resource that was made again under its name is another object, but the same source.
async fn take_over(
    transaction: &mut Transaction<'static, Postgres>,
    record: &SourceRecord<'_>,
) -> Result<(), StoreError> {
    let before: Option<Uuid> = sqlx::query_scalar(
        "UPDATE achievement_sources SET uid = $1, webhook_keys = NULL, webhook_keys_digest = NULL, webhook_verified_at = NULL,
             webhook_error = NULL, gone_at = NULL
         WHERE uid = (SELECT uid FROM achievement_sources WHERE namespace_uid = $2 AND name = $3
                ORDER BY gone_at DESC NULLS FIRST LIMIT 1)
           AND uid <> $1 AND NOT EXISTS (SELECT FROM achievement_sources WHERE uid = $1)
         RETURNING (SELECT old.uid FROM achievement_sources old WHERE old.namespace_uid = $2 AND old.name = $3
                ORDER BY old.gone_at DESC NULLS FIRST LIMIT 1)",
    )
    .bind(record.uid)
    .bind(record.namespace_uid)
    .bind(record.name)
    .fetch_optional(&mut **transaction)
    .await?;
    if let Some(before) = before {
        sqlx::query("DELETE FROM achievement_jobs WHERE source_uid = $1")
            .bind(before)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
