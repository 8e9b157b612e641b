//! Which records of sources shall have a resource that the operator makes, and how far that is.
//!
//! A resource is granted in its row before it is made, and released there before it is taken away: so a resource that vanishes
//! while its row wants it was deleted by a person (FAULTS 44).

use crate::postgres::{StoreError, operator::OperatorStore};
use uuid::Uuid;

/// A record whose resource is not as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ResourceChange {
    pub id: Uuid,
    pub namespace: String,
    pub identity: String,
    pub title: String,
    pub host: String,
    pub repository: String,
    pub repository_id: i64,
    pub number: i64,
    pub source_url: Option<String>,
    pub source_uid: Uuid,
    pub source_name: String,
    /// Within the bound of its source.
    pub within: bool,
    /// The source for which it was granted; absent where it was not.
    pub resource_owner: Option<Uuid>,
    /// False once it shall go.
    pub resource_wanted: bool,
    pub resource_uid: Option<Uuid>,
    pub resource_name: Option<String>,
    pub announced_job: Option<String>,
}

impl OperatorStore {
    /// What has to be made or taken away so that each living source has resources for its most important records, the newest of
    /// equals first, and no more than its `resources`. Records that a person declares are beside that; hidden, deleted, reverted
    /// and duplicate ones have none. A suspended source stays as it is. Empty where nothing is to be done.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resource_changes(&self) -> Result<Vec<ResourceChange>, StoreError> {
        Ok(sqlx::query_as(CHANGES).fetch_all(self.pool()).await?)
    }

    /// Notes that a resource of this name shall be made for a source; answers whether it may be.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn grant_resource(
        &self,
        id: Uuid,
        source: Uuid,
        name: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let granted = sqlx::query(
            "UPDATE achievements SET resource_owner = $2, resource_wanted = true, resource_name = $3
             WHERE id = $1 AND resource_uid IS NULL AND deleted_at IS NULL AND source_uid = $2",
        )
        .bind(id)
        .bind(source)
        .bind(name)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(granted.rows_affected() == 1)
    }

    /// Notes the resource that was made as it was granted.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn note_resource(&self, id: Uuid, source: Uuid, uid: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievements SET resource_uid = $3
             WHERE id = $1 AND resource_owner = $2 AND resource_wanted AND resource_uid IS NULL",
        )
        .bind(id)
        .bind(source)
        .bind(uid)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Notes that a resource that the operator made shall go, or stays after all, because somebody else's fields were found in it.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn want_resource(&self, id: Uuid, wanted: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievements SET resource_wanted = $2
             WHERE id = $1 AND resource_owner IS NOT NULL AND resource_wanted <> $2 AND (deleted_at IS NULL OR NOT $2)",
        )
        .bind(id)
        .bind(wanted)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a resource that was released and is gone. The record stays.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn forget_resource(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievements SET resource_uid = NULL, resource_owner = NULL, declared = '{}'
             WHERE id = $1 AND resource_owner IS NOT NULL AND NOT resource_wanted",
        )
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The source for which the operator made this resource; none where a person did, or it is not known.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resource_owner(&self, uid: Uuid) -> Result<Option<Uuid>, StoreError> {
        let owner: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT resource_owner FROM achievements WHERE resource_uid = $1")
                .bind(uid)
                .fetch_optional(self.pool())
                .await?;
        Ok(owner.flatten())
    }
}

/// The best of each source come from its index `achievements_of_source`, so that the other records are not read;
/// OFFSET 0 keeps the planner from reading them all, because it takes a bound that it cannot know for a large one.
const CHANGES: &str = "WITH within AS (
         SELECT best.id FROM achievement_sources source CROSS JOIN LATERAL (
             SELECT record.id FROM achievements record
             WHERE record.source_uid = source.uid AND record.deleted_at IS NULL AND record.pull_request IS NOT NULL
               AND NOT record.hidden AND record.reverted_by IS NULL AND record.duplicate_of IS NULL AND record.superseded_by IS NULL
               AND (record.resource_uid IS NULL OR record.resource_owner IS NOT NULL)
             ORDER BY record.impact_score DESC, record.completed_at DESC, record.id
             LIMIT least(200, greatest(0, coalesce((source.settings ->> 'resources')::integer, 0)))) best
         WHERE source.gone_at IS NULL AND NOT source.suspended)
     SELECT record.id, record.namespace, record.identity, record.title, record.host, record.repository, record.repository_id,
         record.number, record.source_url, source.uid AS source_uid, source.name AS source_name, within.id IS NOT NULL AS within,
         record.resource_owner, record.resource_wanted, record.resource_uid, record.resource_name, record.announced_job
     FROM (SELECT id FROM within UNION SELECT id FROM achievements WHERE resource_owner IS NOT NULL) looked
     CROSS JOIN LATERAL (SELECT * FROM achievements WHERE id = looked.id OFFSET 0) record
     JOIN achievement_sources source ON source.uid = record.source_uid AND source.gone_at IS NULL AND NOT source.suspended
     LEFT JOIN within ON within.id = record.id
     WHERE record.repository_id IS NOT NULL AND record.host IS NOT NULL AND record.repository IS NOT NULL AND record.number IS NOT NULL
       AND CASE WHEN within.id IS NULL THEN record.resource_owner IS NOT NULL
           ELSE record.resource_owner IS NULL OR record.resource_uid IS NULL OR NOT record.resource_wanted END
     ORDER BY record.id";
