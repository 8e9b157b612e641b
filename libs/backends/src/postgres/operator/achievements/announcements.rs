//! Announcements: ordered in the record's row, once for ever, before the ContentJob is made from that row.

use crate::postgres::{StoreError, operator::OperatorStore};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was ordered: the column `announcement`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The Persona that writes it.
    pub persona: String,
    /// Input of the ContentJob.
    pub text: String,
    /// The digest that a person said yes to; absent where no yes was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
}

impl OperatorStore {
    /// Orders the announcement of a record under the name of its ContentJob, where the record is still the one that was decided upon
    /// (these facts, analysed, and nothing that keeps it out) and none was ordered before. Answers whether it was ordered.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn order_announcement(
        &self,
        id: Uuid,
        facts_version: i32,
        job: &str,
        announcement: &Announcement,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let ordered = sqlx::query(
            "UPDATE achievements SET announced_job = $3, announced_at = now(), announcement = $4, approved_digest = $5::text,
                 approved_at = CASE WHEN $5::text IS NULL THEN approved_at ELSE now() END, revision = revision + 1
             WHERE id = $1 AND facts_version = $2 AND analyzed_version = $2 AND announced_job IS NULL AND deleted_at IS NULL
               AND NOT hidden AND duplicate_of IS NULL AND reverted_by IS NULL AND superseded_by IS NULL",
        )
        .bind(id)
        .bind(facts_version)
        .bind(job)
        .bind(serde_json::to_value(announcement)?)
        .bind(announcement.approved.as_deref())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ordered.rows_affected() == 1)
    }

    /// The ContentJob of the announcement was seen to be there: it is not made again, whoever deletes it.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn announcement_made(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievements SET announcement_made_at = now(), revision = revision + 1
             WHERE id = $1 AND announced_job IS NOT NULL AND announcement_made_at IS NULL",
        )
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
