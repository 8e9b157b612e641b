//! Posts: lists, one post, and edits of it.

use super::ApiStore;
use crate::postgres::{StoreError, operator::progress::PROGRESS_CHANNEL};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A post with its experiment's arm.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PostRow {
    pub id: Uuid,
    pub persona: String,
    pub job: String,
    pub index: i32,
    pub hook: String,
    pub body: String,
    pub content_hash: String,
    pub revision: i32,
    /// The revision that similarity is judged by; behind `revision` until a worker embedded the newest.
    pub embedded_revision: i32,
    pub created_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub published_at: Option<DateTime<Utc>>,
    pub published_url: Option<String>,
    pub external_id: Option<String>,
    pub experiment: Option<String>,
    /// Of the experiment's row; a name may have been given again.
    pub experiment_uid: Option<Uuid>,
    pub arm: Option<String>,
    pub emotion: Option<String>,
    /// Hundredths of a per cent.
    pub score_bp: Option<i32>,
    pub tokens_used: i64,
    pub model: String,
    pub stand_in: bool,
}

/// Which posts; what is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostFilter {
    pub persona: Option<String>,
    pub job: Option<String>,
    /// By name: the living one, else the newest of that name.
    pub experiment: Option<String>,
    /// By the uid of its row or of its resource, whether it lives or not.
    pub experiment_uid: Option<Uuid>,
    pub arm: Option<String>,
    /// Written at or after.
    pub from: Option<DateTime<Utc>>,
    /// Written before.
    pub to: Option<DateTime<Utc>>,
}

/// Where a list goes on: after this post, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostCursor {
    pub created_at: DateTime<Utc>,
    pub id: Uuid,
}

/// A new text.
#[derive(Debug, Clone, Copy)]
pub struct PostEdit<'a> {
    pub id: Uuid,
    pub hook: &'a str,
    pub body: &'a str,
    pub content_hash: &'a str,
    /// Id of the key that edits.
    pub edited_by: &'a str,
}

macro_rules! posts {
    () => {
        "SELECT post.id, post.persona_id AS persona, run.name AS job, post.index, post.hook, post.body, post.content_hash, post.revision, post.embedded_revision,
             post.ts AS created_at, post.edited_at, post.published_at, post.published_url, post.external_id,
             experiment.name AS experiment, experiment.uid AS experiment_uid, CASE WHEN experiment.uid IS NOT NULL THEN task.arm END AS arm,
             post.emotion, post.score_bp, post.tokens_used, post.model, post.stand_in
         FROM posts post
         JOIN tasks task ON task.id = post.task_id
         JOIN content_runs run ON run.id = post.run_id
         LEFT JOIN experiment_units unit ON unit.task_id = post.task_id
         LEFT JOIN experiments experiment ON experiment.uid = unit.experiment_uid "
    };
}

impl ApiStore {
    /// At most `limit` posts, newest first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn posts(
        &self,
        namespace: &str,
        filter: &PostFilter,
        after: Option<PostCursor>,
        limit: i64,
    ) -> Result<Vec<PostRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let rows = sqlx::query_as(concat!(
            posts!(),
            "WHERE ($1::text IS NULL OR post.persona_id = $1) AND ($2::text IS NULL OR run.name = $2)
               AND ($3::text IS NULL OR experiment.uid = (SELECT named.uid FROM experiments named WHERE named.name = $3
                   ORDER BY named.gone_at IS NOT NULL, named.created_at DESC LIMIT 1))
               AND ($10::uuid IS NULL OR experiment.uid = $10 OR experiment.object_uid = $10) AND ($4::text IS NULL OR task.arm = $4)
               AND ($5::timestamptz IS NULL OR post.ts >= $5) AND ($6::timestamptz IS NULL OR post.ts < $6)
               AND ($7::timestamptz IS NULL OR (post.ts, post.id) < ($7, $8))
             ORDER BY post.ts DESC, post.id DESC LIMIT $9"
        ))
        .bind(&filter.persona)
        .bind(&filter.job)
        .bind(&filter.experiment)
        .bind(&filter.arm)
        .bind(filter.from)
        .bind(filter.to)
        .bind(after.map(|cursor| cursor.created_at))
        .bind(after.map(|cursor| cursor.id))
        .bind(limit)
        .bind(filter.experiment_uid)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// None where the namespace has no such post.
    ///
    /// # Errors
    /// Database errors.
    pub async fn post(&self, namespace: &str, id: Uuid) -> Result<Option<PostRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row = read(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Gives a post a new text and keeps the old one as a revision. The same text again changes nothing. None where the namespace
    /// has no such post.
    ///
    /// # Errors
    /// Database errors.
    pub async fn edit_post(
        &self,
        namespace: &str,
        edit: &PostEdit<'_>,
    ) -> Result<Option<PostRow>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        // Two edits at once: the second waits and then counts from the first.
        sqlx::query("SELECT FROM posts WHERE id = $1 FOR UPDATE")
            .bind(edit.id)
            .execute(&mut *transaction)
            .await?;
        let kept = sqlx::query(
            "INSERT INTO post_revisions (post_id, number, namespace, hook, body, edited_by)
             SELECT id, revision, namespace, hook, body, $4 FROM posts WHERE id = $1 AND (hook, body) IS DISTINCT FROM ($2, $3)",
        )
        .bind(edit.id)
        .bind(edit.hook)
        .bind(edit.body)
        .bind(edit.edited_by)
        .execute(&mut *transaction)
        .await?;
        if kept.rows_affected() > 0 {
            write_text(&mut transaction, edit).await?;
        }
        let row = read(&mut transaction, edit.id).await?;
        transaction.commit().await?;
        Ok(row)
    }
}

async fn write_text(
    transaction: &mut Transaction<'static, Postgres>,
    edit: &PostEdit<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE posts SET hook = $2, body = $3, content_hash = $4, revision = revision + 1, edited_at = clock_timestamp() WHERE id = $1",
    )
    .bind(edit.id)
    .bind(edit.hook)
    .bind(edit.body)
    .bind(edit.content_hash)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "UPDATE experiment_units SET edited = true FROM posts WHERE posts.id = $1 AND experiment_units.task_id = posts.task_id",
    )
    .bind(edit.id)
    .execute(&mut **transaction)
    .await?;
    // The operator has it embedded again.
    sqlx::query("SELECT pg_notify($1, '')")
        .bind(PROGRESS_CHANNEL)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn read(
    transaction: &mut Transaction<'static, Postgres>,
    id: Uuid,
) -> Result<Option<PostRow>, StoreError> {
    Ok(sqlx::query_as(concat!(posts!(), "WHERE post.id = $1"))
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?)
}
