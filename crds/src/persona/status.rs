//! What the operator saw of a Persona.

use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::pending::PendingDeletion;
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The conditions of a Persona, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Drifted,
    ConditionType::QueueReady,
    ConditionType::CollectionReady,
    ConditionType::RowSynced,
    ConditionType::PromptResolved,
    ConditionType::ModelReachable,
    ConditionType::BudgetAvailable,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct PersonaStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Drifted, QueueReady, CollectionReady, RowSynced, PromptResolved, ModelReachable and
    /// BudgetAvailable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// One word for the conditions together: Pending, Ready, Suspended, Degraded, Stalled or Deleting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<PersonaPhase>,
    /// The revision that new tasks are made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
    /// The persona's queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueStatus>,
    /// The persona's vector collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionStatus>,
    /// Tokens of the current day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<PersonaUsage>,
    /// Posts that were stored for this Persona so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub posts: Option<i64>,
    /// The prompt version that promptRef means now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptStatus>,
    /// Worker Pods of this Persona that are not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub active_workers: Option<i32>,
    /// Label selector of the worker Pods, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub selector: Option<String>,
    /// What a deletion still has to remove, at most 10 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub pending_deletion: Vec<PendingDeletion>,
}

/// One word for the conditions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PersonaPhase {
    Pending,
    Ready,
    Suspended,
    Degraded,
    Stalled,
    Deleting,
}

/// A revision of the Persona; tasks pin one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// Number of the revision, from 1.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub number: i32,
    /// Digest of its content (64 hexadecimal digits).
    #[schemars(length(max = 64))]
    pub digest: String,
}

/// The persona's queue.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Name of the queue in RabbitMQ.
    #[schemars(length(max = 255))]
    pub name: String,
    /// Wake-up messages that wait, about a minute old.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub ready: Option<i64>,
    /// Messages in the dead-letter queue and dead-lettered tasks together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub dead: Option<i64>,
}

/// The persona's vector collection.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CollectionStatus {
    /// Name of the collection in Qdrant.
    #[schemars(length(max = 255))]
    pub name: String,
    /// Posts in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub points: Option<i64>,
    /// True if it existed before the Persona and was taken over.
    #[serde(default)]
    pub adopted: bool,
}

/// Tokens of the current day.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PersonaUsage {
    /// Tokens that were used or are reserved today.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub tokens_today: i64,
    /// When the day ends: the next midnight, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub resets_at: Option<Time>,
}

/// The prompt version that a reference means.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PromptStatus {
    /// Name of the PromptTemplate.
    #[schemars(length(max = 50))]
    pub template: String,
    /// Name of the version.
    #[schemars(length(max = 63))]
    pub version: String,
    /// Digest of the version.
    #[schemars(length(max = 64))]
    pub digest: String,
}
