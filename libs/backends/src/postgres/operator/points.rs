//! Posts whose point does not stand in the vector index yet: the index was down, or its collection was made anew.

use super::OperatorStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A post as its point needs it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PendingPoint {
    pub id: Uuid,
    pub collection: String,
    pub embedding: Vec<f32>,
    pub embedding_version: i32,
    pub persona_id: String,
    pub hook: String,
    pub body: String,
    pub content_hash: String,
    pub engagement_rate: Option<f64>,
    pub ts: DateTime<Utc>,
}

impl OperatorStore {
    /// Collections that lack points of posts older than `age_seconds`: a worker stores the point of a younger one itself.
    ///
    /// # Errors
    /// Database errors.
    pub async fn collections_lacking_points(
        &self,
        age_seconds: f64,
    ) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT collection FROM posts
             WHERE point_version < embedding_version AND ts < clock_timestamp() - make_interval(secs => $1)",
        )
        .bind(age_seconds)
        .fetch_all(self.pool())
        .await?)
    }

    /// The oldest posts of a collection whose point is to be stored, at most `limit`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pending_points(
        &self,
        collection: &str,
        limit: i64,
    ) -> Result<Vec<PendingPoint>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT id, collection, embedding, embedding_version, persona_id, hook, body, content_hash, engagement_rate, ts
             FROM posts WHERE collection = $1 AND point_version < embedding_version ORDER BY ts LIMIT $2",
        )
        .bind(collection)
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// These points stand, each made from the embedding of that version (FAULTS 33).
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_points_stored(&self, stored: &[(Uuid, i32)]) -> Result<(), StoreError> {
        let (ids, versions): (Vec<Uuid>, Vec<i32>) = stored.iter().copied().unzip();
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE posts SET point_version = greatest(point_version, stored.version)
             FROM unnest($1::uuid[], $2::integer[]) AS stored (id, version) WHERE posts.id = stored.id",
        )
        .bind(ids)
        .bind(versions)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
