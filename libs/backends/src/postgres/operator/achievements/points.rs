//! Records whose point does not stand in the vector index as the row says: new ones, changed ones, and those of deleted records.

use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A record as its point needs it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PendingAchievement {
    pub id: Uuid,
    pub embedding: Vec<f32>,
    pub embedding_version: i32,
    /// Lower case.
    pub logins: Vec<String>,
    pub completed_at: Option<DateTime<Utc>>,
}

impl OperatorStore {
    /// Collections that lack points of records, or hold those of deleted ones.
    ///
    /// # Errors
    /// Database errors.
    pub async fn achievement_collections_behind(&self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT collection FROM achievements
             WHERE embedding IS NOT NULL AND point_version < embedding_version AND deleted_at IS NULL AND collection IS NOT NULL
             UNION SELECT collection FROM achievements WHERE deleted_at IS NOT NULL AND point_version > 0 AND collection IS NOT NULL
             UNION SELECT collection FROM achievement_points_gone",
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// The oldest records of a collection whose point is to be stored, at most `limit`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn pending_achievements(
        &self,
        collection: &str,
        limit: i64,
    ) -> Result<Vec<PendingAchievement>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT id, embedding, embedding_version, logins, completed_at FROM achievements
             WHERE collection = $1 AND embedding IS NOT NULL AND point_version < embedding_version AND deleted_at IS NULL
             ORDER BY created_at LIMIT $2",
        )
        .bind(collection)
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// Deleted and purged records of a collection whose points may still stand in it, at most `limit`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn deleted_achievement_points(
        &self,
        collection: &str,
        limit: i64,
    ) -> Result<Vec<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM achievements WHERE collection = $1 AND deleted_at IS NOT NULL AND point_version > 0
             UNION SELECT id FROM achievement_points_gone WHERE collection = $1 LIMIT $2",
        )
        .bind(collection)
        .bind(limit)
        .fetch_all(self.pool())
        .await?)
    }

    /// These points stand in the collection, each made from the embedding of that version (FAULTS 33).
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_achievement_points(
        &self,
        collection: &str,
        stored: &[(Uuid, i32)],
    ) -> Result<(), StoreError> {
        let (ids, versions): (Vec<Uuid>, Vec<i32>) = stored.iter().copied().unzip();
        let mut transaction = self.begin().await?;
        lock(&mut transaction, collection).await?;
        // A record that moved to another collection meanwhile has no point there.
        sqlx::query(
            "UPDATE achievements SET point_version = greatest(point_version, stored.version)
             FROM unnest($1::uuid[], $2::integer[]) AS stored (id, version)
             WHERE achievements.id = stored.id AND achievements.collection = $3",
        )
        .bind(ids)
        .bind(versions)
        .bind(collection)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The points of these deleted or purged records are gone; of one that came back meanwhile it is stored again.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_achievement_points_gone(
        &self,
        collection: &str,
        ids: &[Uuid],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock(&mut transaction, collection).await?;
        sqlx::query("UPDATE achievements SET point_version = 0 WHERE id = ANY($1)")
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM achievement_points_gone WHERE collection = $2 AND id = ANY($1)")
            .bind(ids)
            .bind(collection)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A collection was made anew and is empty: every point is to be stored again (FAULTS 31). Answers how many.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn rebuild_achievement_points(&self, collection: &str) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        lock(&mut transaction, collection).await?;
        let again = sqlx::query(
            "UPDATE achievements SET point_version = 0 WHERE collection = $1 AND point_version > 0",
        )
        .bind(collection)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(again)
    }
}

/// Whoever changes more than one record of a namespace takes its lock first; a collection is of one namespace.
async fn lock(
    transaction: &mut Transaction<'static, Postgres>,
    collection: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT lock_achievements(namespace) FROM (SELECT DISTINCT namespace FROM achievements WHERE collection = $1) owners ORDER BY namespace",
    )
    .bind(collection)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
