//! What the tests read from the product's database.

use crate::Cluster;
use anyhow::Result;
use sqlx::Row;
use uuid::Uuid;

/// A stored post with what must hold of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PostRow {
    pub id: Uuid,
    pub index: i32,
    pub hook: String,
    pub body: String,
    pub content_hash: String,
    pub stand_in: bool,
    pub point_stored: bool,
}

impl Cluster {
    /// The posts of a job's runs, in order.
    ///
    /// # Errors
    /// Database errors.
    pub async fn posts(&self, namespace: &str, job: &str) -> Result<Vec<PostRow>> {
        let rows = sqlx::query(
            "SELECT post.id, post.index, post.hook, post.body, post.content_hash, post.stand_in,
                 post.point_version = post.embedding_version AS point_stored
             FROM posts post JOIN content_runs run ON run.id = post.run_id
             WHERE run.namespace = $1 AND run.name = $2 ORDER BY run.created_at, post.index",
        )
        .bind(namespace)
        .bind(job)
        .fetch_all(&self.database)
        .await?;
        Ok(rows
            .iter()
            .map(|row| PostRow {
                id: row.get("id"),
                index: row.get("index"),
                hook: row.get("hook"),
                body: row.get("body"),
                content_hash: row.get("content_hash"),
                stand_in: row.get("stand_in"),
                point_stored: row.get("point_stored"),
            })
            .collect())
    }

    /// One number from one statement about a namespace (its only parameter).
    ///
    /// # Errors
    /// Database errors.
    pub async fn count(&self, statement: &'static str, namespace: &str) -> Result<i64> {
        Ok(sqlx::query_scalar(statement)
            .bind(namespace)
            .fetch_one(&self.database)
            .await?)
    }
}
