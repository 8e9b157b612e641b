//! The queue of exports: claimed with a lease, fenced by its token, so that a writer who was lost changes nothing afterwards.

use crate::postgres::{StoreError, api::ApiStore};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// Exports of one namespace that may wait at once.
pub const MAX_WAITING: i64 = 20;

/// An export that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewExport<'a> {
    pub id: Uuid,
    pub request: &'a Value,
    pub object_key: &'a str,
    pub media_type: &'a str,
    /// Readable part of the caller's key.
    pub created_by: &'a str,
}

/// What became of queueing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It waits, or was there with the same request.
    Yes,
    /// The same id stands for another request.
    Other,
    /// [`MAX_WAITING`] wait already.
    Full,
}

/// An export as its namespace sees it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ExportRow {
    pub id: Uuid,
    pub request: Value,
    /// queued, running, done, failed
    pub status: String,
    pub object_key: String,
    pub media_type: Option<String>,
    pub bytes: Option<i64>,
    /// Of the content, lower-case hexadecimal.
    pub sha256: Option<String>,
    pub items: Option<i32>,
    pub left_out: Option<Value>,
    pub attempts: i32,
    /// Of the last attempt that failed.
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
}

/// An export that this process writes now.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ClaimedExport {
    pub id: Uuid,
    pub namespace: String,
    pub request: Value,
    pub object_key: String,
    /// This one included.
    pub attempts: i32,
    pub lease_token: Uuid,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenExport {
    pub bytes: i64,
    pub sha256: String,
    pub items: i32,
    pub left_out: Value,
}

/// How an attempt ended that wrote nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFailure {
    pub error: String,
    /// Seconds until it is tried again; never where absent.
    pub retry_after: Option<u32>,
}

/// An export whose time is over.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ExpiredExport {
    pub id: Uuid,
    pub namespace: String,
    pub object_key: String,
}

const COLUMNS: &str = "SELECT id, request, status, object_key, media_type, bytes, sha256, items, left_out, attempts, error, created_at,
    done_at, expires_at FROM portfolio_exports";

impl ApiStore {
    /// # Errors
    /// Database errors.
    pub async fn queue_export(
        &self,
        namespace: &str,
        new: &NewExport<'_>,
    ) -> Result<Queued, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let stands: Option<Value> =
            sqlx::query_scalar("SELECT request FROM portfolio_exports WHERE id = $1")
                .bind(new.id)
                .fetch_optional(&mut *transaction)
                .await?;
        if let Some(request) = stands {
            return Ok(if request == *new.request {
                Queued::Yes
            } else {
                Queued::Other
            });
        }
        let inserted = sqlx::query(
            "INSERT INTO portfolio_exports (id, namespace, request, object_key, media_type, created_by)
             SELECT $1, $2, $3, $4, $5, $6
             WHERE (SELECT count(*) FROM portfolio_exports WHERE status IN ('queued', 'running')) < $7
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id)
        .bind(namespace)
        .bind(new.request)
        .bind(new.object_key)
        .bind(new.media_type)
        .bind(new.created_by)
        .bind(MAX_WAITING)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(if inserted.rows_affected() == 1 {
            Queued::Yes
        } else {
            Queued::Full
        })
    }

    /// None where the namespace has no such export.
    ///
    /// # Errors
    /// Database errors.
    pub async fn export(&self, namespace: &str, id: Uuid) -> Result<Option<ExportRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" WHERE id = ").push_bind(id);
        let row = query
            .build_query_as()
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// The newest `limit` exports, the newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn exports(&self, namespace: &str, limit: i64) -> Result<Vec<ExportRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query
            .push(" WHERE namespace = ")
            .push_bind(namespace.to_owned())
            .push(" ORDER BY created_at DESC, id LIMIT ")
            .push_bind(limit);
        let rows = query.build_query_as().fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// The export that waits longest, of any namespace; none where none waits.
    ///
    /// # Errors
    /// Database errors.
    pub async fn claim_export(
        &self,
        lease_seconds: u32,
    ) -> Result<Option<ClaimedExport>, StoreError> {
        Ok(sqlx::query_as("SELECT * FROM claim_export($1)")
            .bind(f64::from(lease_seconds))
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Notes what was written; false where the lease was lost.
    ///
    /// # Errors
    /// Database errors.
    pub async fn finish_export(
        &self,
        claimed: &ClaimedExport,
        written: &WrittenExport,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&claimed.namespace).await?;
        let done = sqlx::query(
            "UPDATE portfolio_exports SET status = 'done', bytes = $3, sha256 = $4, items = $5, left_out = $6, error = NULL,
                 done_at = now(), lease_token = NULL, lease_until = NULL
             WHERE id = $1 AND lease_token = $2 AND status = 'running'",
        )
        .bind(claimed.id)
        .bind(claimed.lease_token)
        .bind(written.bytes)
        .bind(&written.sha256)
        .bind(written.items)
        .bind(&written.left_out)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives an export back to the queue, or up.
    ///
    /// # Errors
    /// Database errors.
    pub async fn release_export(
        &self,
        claimed: &ClaimedExport,
        failure: &ExportFailure,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&claimed.namespace).await?;
        sqlx::query(
            "UPDATE portfolio_exports SET status = CASE WHEN $4::double precision IS NULL THEN 'failed' ELSE 'queued' END, error = $3,
                 not_before = now() + make_interval(secs => coalesce($4, 0)), lease_token = NULL, lease_until = NULL,
                 done_at = CASE WHEN $4 IS NULL THEN now() END
             WHERE id = $1 AND lease_token = $2 AND status = 'running'",
        )
        .bind(claimed.id)
        .bind(claimed.lease_token)
        .bind(&failure.error)
        .bind(failure.retry_after.map(f64::from))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Exports of any namespace whose time is over, at most `limit`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn expired_exports(&self, limit: i32) -> Result<Vec<ExpiredExport>, StoreError> {
        Ok(sqlx::query_as("SELECT * FROM expired_exports($1)")
            .bind(limit)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Forgets an export whose object is gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn forget_export(&self, expired: &ExpiredExport) -> Result<(), StoreError> {
        let mut transaction = self.begin(&expired.namespace).await?;
        sqlx::query("DELETE FROM portfolio_exports WHERE id = $1 AND expires_at < now()")
            .bind(expired.id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
