//! The messages on the broker: `{id, type, payload, metadata{created_at, priority, retry_count}}`.
//!
//! A message only wakes a worker; the task row is the truth. A variant that has been shipped is never edited: a new need
//! is a new variant.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Direct exchange for work; published with `mandatory`.
pub const TASKS_EXCHANGE: &str = "tasks";
/// Fanout exchange for what happened; published on confirm.
pub const EVENTS_EXCHANGE: &str = "events";
/// Direct exchange to which work queues dead-letter.
pub const DEAD_LETTER_EXCHANGE: &str = "tasks.dead";

/// One message as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub id: Uuid,
    #[serde(flatten)]
    pub body: Body,
    pub metadata: Metadata,
}

/// What a message says: `type` and `payload` on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum Body {
    /// A task of the persona may be claimable.
    #[serde(rename = "content.generation")]
    ContentGeneration { persona_uid: Uuid, task_id: Uuid },
    /// The analysis of an achievement of the namespace may be claimable.
    #[serde(rename = "achievement.analysis")]
    AchievementAnalysis { achievement_id: Uuid, task_id: Uuid },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// RFC 3339, UTC.
    pub created_at: jiff::Timestamp,
    pub priority: Priority,
    /// Attempts already charged to the task.
    pub retry_count: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    High,
    Medium,
    Low,
}

impl Priority {
    /// The seed's three words for the 0–100 priority of a task; the claim orders by the number.
    #[must_use]
    pub fn of(priority: i32) -> Self {
        match priority {
            67.. => Self::High,
            34..=66 => Self::Medium,
            _ => Self::Low,
        }
    }
}

impl Message {
    /// The wire form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// # Errors
    /// What is not a message of a known type, with serde's reason.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests;
