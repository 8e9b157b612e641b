//! What the operator saw of a ContentJob.

pub use super::posts::{NearestPost, PlanStatus, PostStatus};
use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::pending::PendingDeletion;
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The conditions of a ContentJob, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Drifted,
    ConditionType::Accepted,
    ConditionType::BudgetReserved,
    ConditionType::Queued,
    ConditionType::Generated,
    ConditionType::DedupPassed,
    ConditionType::EmotionPassed,
    ConditionType::Finished,
    ConditionType::Complete,
    ConditionType::Failed,
    ConditionType::DeadLettered,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct ContentJobStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Drifted, Accepted, BudgetReserved, Queued, Generated, DedupPassed, EmotionPassed,
    /// Finished, Complete, Failed and DeadLettered. Wait for Finished: it becomes True however the job ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// One word for the conditions together: Pending, Waiting, Queued, Running, Suspended, Stalled, Succeeded,
    /// PartiallySucceeded, Failed, Cancelled or Deleting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<ContentJobPhase>,
    /// The spec.runId that this status tells of; `-` where the spec has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run_id: Option<String>,
    /// Stored posts of those asked for, for example `3/5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub progress: Option<String>,
    /// Tasks by state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<TaskCounts>,
    /// Tokens used so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<JobUsage>,
    /// The newest worker Job (batch/v1), in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_ref: Option<JobRef>,
    /// The first posts, at most ten; all of them stand in Postgres.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub posts: Vec<PostStatus>,
    /// What `mode: Plan` found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// What the job waits for, in a sentence; absent while it does not wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub waiting_reason: Option<String>,
    /// The newest failure of a task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When the tasks were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub started_at: Option<Time>,
    /// When the last task ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub completed_at: Option<Time>,
    /// What a deletion still has to remove, at most 10 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub pending_deletion: Vec<PendingDeletion>,
}

/// One word for the conditions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContentJobPhase {
    Pending,
    Waiting,
    Queued,
    Running,
    Suspended,
    Stalled,
    Succeeded,
    PartiallySucceeded,
    Failed,
    Cancelled,
    Deleting,
}

/// Tasks by state; one task is one post, or the one plan.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    /// All tasks of the run.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub total: i32,
    /// Wait for a worker, or for their next attempt.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub queued: i32,
    /// Run now.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub active: i32,
    /// Wait for a budget.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub parked: i32,
    /// Stored their post.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub succeeded: i32,
    /// Used up their attempts or met an error that trying again does not mend.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub failed: i32,
    /// Wrote texts that no gate let pass.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub rejected: i32,
    /// Were ended by cancel, by a deletion or by `threads-agent.io/discard`.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200))]
    pub cancelled: i32,
}

impl TaskCounts {
    /// `status.progress`: stored posts of all, for example `3/5`.
    #[must_use]
    pub fn progress(&self) -> String {
        format!("{}/{}", self.succeeded, self.total)
    }
}

/// Tokens used so far, failed and rejected attempts included.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct JobUsage {
    /// Tokens of prompts, as the model counted them.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub prompt_tokens: i64,
    /// Tokens of completions, as the model counted them.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub completion_tokens: i64,
    /// Tokens of embeddings, as the model counted them.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub embedding_tokens: i64,
    /// An estimate for attempts whose worker was lost: their calls were paid for, and nobody saw the count.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub estimated_tokens: i64,
    /// All of the above together.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub total_tokens: i64,
    /// Cost in millionths of the currency of the price list; absent where no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000_i64))]
    pub cost_micros: Option<i64>,
}

impl JobUsage {
    /// A usage with its total, and without a cost.
    #[must_use]
    pub fn new(
        prompt_tokens: i64,
        completion_tokens: i64,
        embedding_tokens: i64,
        estimated_tokens: i64,
    ) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            embedding_tokens,
            estimated_tokens,
            total_tokens: prompt_tokens + completion_tokens + embedding_tokens + estimated_tokens,
            cost_micros: None,
        }
    }
}

/// A batch/v1 Job of the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct JobRef {
    /// Name of the Job; `kubectl describe job NAME` shows its Pods.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// A failure of a task.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// What it asks for: invalid (mend the resource), waiting (something is expected to come), transient (another attempt
    /// may help), bug (report it).
    pub class: ErrorClass,
    /// One word for machines, for example `RateLimited` or `InvalidModelOutput`.
    #[schemars(length(min = 1, max = 63))]
    pub code: String,
    /// One sentence for people; never holds a secret.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// What a failure asks of whoever sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    Invalid,
    Waiting,
    Transient,
    Bug,
}
