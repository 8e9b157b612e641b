//! A post is published: its clock starts.

use super::{ApiStore, outcomes};
use crate::postgres::StoreError;
use chrono::{DateTime, SubsecRound, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// What is told of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    pub url: String,
    pub external_id: Option<String>,
    /// Absent means at its receipt.
    pub at: Option<DateTime<Utc>>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Stored now, or the same as before. The time is what counts: what was said, but never later than its receipt.
    Stands {
        at: DateTime<Utc>,
        first: bool,
    },
    /// The post was published before with another value of this field.
    Differs(&'static str),
    /// Another post of the namespace has the external id.
    ExternalIdTaken,
    NoSuchPost,
}

#[derive(sqlx::FromRow)]
struct Row {
    task_id: Uuid,
    published_at: Option<DateTime<Utc>>,
    published_told_at: Option<DateTime<Utc>>,
    published_url: Option<String>,
    external_id: Option<String>,
}

impl ApiStore {
    /// Notes a publication and, in the same transaction, exposes the post's unit and sets when that freezes. Repeating the call
    /// changes nothing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn publish(
        &self,
        namespace: &str,
        post: Uuid,
        publication: &Publication,
    ) -> Result<Published, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        // A unit whose deadline passes meanwhile matures either before this or after it.
        outcomes::share_lock(&mut transaction, namespace).await?;
        let row: Option<Row> = sqlx::query_as(
            "SELECT task_id, published_at, published_told_at, published_url, external_id FROM posts WHERE id = $1 FOR UPDATE",
        )
        .bind(post)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(Published::NoSuchPost);
        };
        if let Some(at) = row.published_at {
            return Ok(compare(&row, at, publication));
        }
        let at = match note(&mut transaction, post, publication).await {
            Err(StoreError::Database(error)) if is_taken(&error) => {
                return Ok(Published::ExternalIdTaken);
            }
            noted => noted?,
        };
        expose(&mut transaction, row.task_id, at).await?;
        transaction.commit().await?;
        self.wake.notify_one();
        Ok(Published::Stands { at, first: true })
    }
}

/// Whether a repeated call says what the first one said; what it leaves out it does not contradict.
fn compare(row: &Row, at: DateTime<Utc>, told: &Publication) -> Published {
    if row.published_url.as_ref() != Some(&told.url) {
        return Published::Differs("url");
    }
    if told.external_id.is_some() && row.external_id != told.external_id {
        return Published::Differs("externalId");
    }
    // Postgres keeps microseconds.
    let told_at = told.at.map(|at| at.trunc_subsecs(6));
    if told_at.is_some() && told_at != Some(at) && told_at != row.published_told_at {
        return Published::Differs("at");
    }
    Published::Stands { at, first: false }
}

async fn note(
    transaction: &mut Transaction<'static, Postgres>,
    post: Uuid,
    told: &Publication,
) -> Result<DateTime<Utc>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE posts SET published_at = least($2, clock_timestamp()), published_told_at = $2, published_url = $3, external_id = $4
         WHERE id = $1 RETURNING published_at",
    )
    .bind(post)
    .bind(told.at.map(|at| at.trunc_subsecs(6)))
    .bind(&told.url)
    .bind(&told.external_id)
    .fetch_one(&mut **transaction)
    .await?)
}

/// A unit that matured before (its deadline had passed) keeps what it came to.
async fn expose(
    transaction: &mut Transaction<'static, Postgres>,
    task: Uuid,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE experiment_units unit SET exposed_at = $2, freezes_at = $2 + make_interval(secs =>
             ((experiment.design->>'attributionSeconds')::float8 + (experiment.design->>'ingestGraceSeconds')::float8))
         FROM experiments experiment
         WHERE unit.task_id = $1 AND experiment.uid = unit.experiment_uid AND unit.exposed_at IS NULL AND unit.matured_at IS NULL",
    )
    .bind(task)
    .bind(at)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
