//! What is counted of a persona: for its status, and for the drift reader, which asks for all personas at once.

use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What workers and tasks left in the rows of one persona.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonaFigures {
    pub posts: i64,
    /// Tokens that were used or are reserved on the database's current day (UTC).
    pub tokens_today: i64,
    pub dead_lettered: i64,
    pub model_seen_at: Option<DateTime<Utc>>,
    pub model_error: Option<String>,
    /// The next midnight, UTC, by the database's clock.
    pub resets_at: DateTime<Utc>,
}

/// One living persona as Postgres sees it, small enough to be read for all of them every half minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct PersonaPicture {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub queue: String,
    pub collection: String,
    pub current_revision: Option<Uuid>,
    pub suspended: bool,
    pub tokens_per_day: Option<i64>,
    pub tokens_today: i64,
    pub posts: i64,
    pub dead_lettered: i64,
    /// Whether a worker has reached the model, and with what error it last failed.
    pub model_seen: bool,
    pub model_error: Option<String>,
    /// Whether the broker refused a message that still waits.
    pub unroutable: bool,
}

impl OperatorStore {
    /// The figures of one persona.
    ///
    /// # Errors
    /// Database errors.
    pub async fn persona_figures(&self, uid: Uuid) -> Result<PersonaFigures, StoreError> {
        let figures: Option<PersonaFigures> = sqlx::query_as(
            "SELECT (SELECT count(*) FROM posts WHERE persona_uid = persona.uid) AS posts,
                 coalesce((SELECT reserved + spent FROM token_days
                     WHERE persona_uid = persona.uid AND day = (now() AT TIME ZONE 'UTC')::date), 0) AS tokens_today,
                 (SELECT count(*) FROM tasks WHERE persona_uid = persona.uid AND status = 'dead_lettered') AS dead_lettered,
                 persona.model_seen_at, persona.model_error,
                 ((now() AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC' AS resets_at
             FROM personas persona WHERE persona.uid = $1",
        )
        .bind(uid)
        .fetch_optional(self.pool())
        .await?;
        Ok(figures.unwrap_or_default())
    }

    /// All living personas, in one query.
    ///
    /// # Errors
    /// Database errors.
    pub async fn persona_pictures(&self) -> Result<Vec<PersonaPicture>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT persona.uid, persona.namespace, persona.name, persona.queue, persona.collection, persona.current_revision,
                 persona.suspended, persona.tokens_per_day, coalesce(today.reserved + today.spent, 0) AS tokens_today,
                 coalesce(written.posts, 0) AS posts, coalesce(dead.tasks, 0) AS dead_lettered,
                 persona.model_seen_at IS NOT NULL AS model_seen, persona.model_error,
                 refused.persona_uid IS NOT NULL AS unroutable
             FROM personas persona
             LEFT JOIN token_days today
                 ON today.persona_uid = persona.uid AND today.day = (now() AT TIME ZONE 'UTC')::date
             LEFT JOIN (SELECT persona_uid, count(*) AS posts FROM posts GROUP BY persona_uid) written
                 ON written.persona_uid = persona.uid
             LEFT JOIN (SELECT persona_uid, count(*) AS tasks FROM tasks WHERE status = 'dead_lettered' GROUP BY persona_uid) dead
                 ON dead.persona_uid = persona.uid
             LEFT JOIN (SELECT DISTINCT task.persona_uid FROM outbox message JOIN tasks task ON task.id = message.task_id
                 WHERE message.sent_at IS NULL AND message.error IS NOT NULL AND task.status = 'queued') refused
                 ON refused.persona_uid = persona.uid
             WHERE persona.gone_at IS NULL",
        )
        .fetch_all(self.pool())
        .await?)
    }
}
