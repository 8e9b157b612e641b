//! What the operator saw of an Experiment. Figures are decimal strings, shares basis points.

use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::pending::PendingDeletion;
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The conditions of an Experiment, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Drifted,
    ConditionType::Running,
    ConditionType::DataFresh,
    ConditionType::SampleRatioOK,
    ConditionType::GuardrailsOK,
    ConditionType::Powered,
    ConditionType::DecisionReached,
    ConditionType::Promoted,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct ExperimentStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Drifted, Running, DataFresh, SampleRatioOK, GuardrailsOK, Powered, DecisionReached and
    /// Promoted. Wait for DecisionReached: it becomes True however the experiment ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// One word for the conditions together: Draft, Waiting, Running, Suspended, Stalled, AwaitingApproval, Decided, Invalid,
    /// Cancelled or Deleting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<ExperimentPhase>,
    /// When it started; the design stands from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub ended_at: Option<Time>,
    /// How many variants there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub arm_count: Option<i32>,
    /// Units whose figures are frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub matured: Option<i64>,
    /// Figures of each variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub arms: Vec<ArmStatus>,
    /// Variant with the best mean so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub leader: Option<String>,
    /// How probable it is that the leader is the best, for example `0.93`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub leader_probability: Option<String>,
    /// Pending, Winner, Loser, NoDifference, Adopted, Inconclusive or Invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub verdict: Option<String>,
    /// Variant that the verdict names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub winner: Option<String>,
    /// The verdict in one sentence that names the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub explanation: Option<String>,
    /// What the verdict does not claim, at most ten notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 512)))]
    pub notes: Vec<String>,
    /// Anytime p-values of the sample-ratio tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<RatioStatus>,
    /// Guardrails of each variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 60))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub guardrails: Vec<GuardrailStatus>,
    /// Smallest effect that can be found by the maximum duration, relative to the control, in basis points; absent where the
    /// persona has no history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub minimum_detectable_bp: Option<i64>,
    /// Smallest effective number of units over the variants, rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub effective_units: Option<i64>,
    /// When the analysis may begin, or the planned number will be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub forecast_at: Option<Time>,
    /// Digest of the design and of every counted unit (64 hexadecimal digits).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub inputs_digest: Option<String>,
    /// Number of the weights in force, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub weight_epoch: Option<i32>,
    /// Outcomes that came after their unit was frozen, and were not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub late_outcomes: Option<i64>,
    /// The newest decisions, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub decisions: Vec<DecisionStatus>,
    /// What the A/A canary found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStatus>,
    /// What a deletion still has to remove, at most 10 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub pending_deletion: Vec<PendingDeletion>,
}

/// One word for the conditions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExperimentPhase {
    Draft,
    Waiting,
    Running,
    Suspended,
    Stalled,
    AwaitingApproval,
    Decided,
    Invalid,
    Cancelled,
    Deleting,
}

/// Figures of one variant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ArmStatus {
    /// Name of the variant.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// Whether it is the control.
    #[serde(default)]
    pub control: bool,
    /// Units that were assigned to it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub assigned: i64,
    /// Units whose clock has started.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub exposed: i64,
    /// Units whose figures are frozen.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub matured: i64,
    /// Frozen units without any record.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub missing: i64,
    /// Mean of the objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub mean: Option<String>,
    /// Interval of the mean, for example `0.031 to 0.044`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub interval: Option<String>,
    /// Uplift over the control in the wanted direction, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub uplift_bp: Option<i64>,
    /// Lower end of its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub uplift_low_bp: Option<i64>,
    /// Upper end of its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub uplift_high_bp: Option<i64>,
    /// How probable it is that it is the best, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub probability_best_bp: Option<i32>,
    /// Weight in force, in basis points.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10_000))]
    pub weight_bp: i32,
    /// What choosing it now is expected to lose, in units of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub expected_loss: Option<String>,
}

/// Anytime p-values of the sample-ratio tests; below 0.001 the experiment is invalid.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RatioStatus {
    /// Of assigned units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub assignment: Option<String>,
    /// Of exposed units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub exposure: Option<String>,
    /// Of matured units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub maturity: Option<String>,
}

/// A guardrail on one variant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GuardrailStatus {
    /// Name of the guardrail; `survival` is the built-in one.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
    /// The variant.
    #[schemars(length(min = 1, max = 40))]
    pub arm: String,
    /// Met, Unproven or Violated.
    pub state: GuardrailState,
    /// How much worse than the control it is, in units of the metric, with its one-sided bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub worsening: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GuardrailState {
    Met,
    Unproven,
    Violated,
}

/// One decision.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DecisionStatus {
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub at: Option<Time>,
    /// The verdict.
    #[schemars(length(max = 32))]
    pub verdict: String,
    /// Variant that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub winner: Option<String>,
    /// What followed: none, awaiting, promoted, rolledBack or refused.
    #[schemars(length(max = 32))]
    pub action: String,
    /// Digest of what it was decided by.
    #[schemars(length(max = 64))]
    pub inputs_digest: String,
    /// The verdict in a sentence.
    #[schemars(length(max = 1024))]
    pub sentence: String,
}

/// What the A/A canary found: resampled from the persona's own posts, not an experiment.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CanaryStatus {
    /// Share of labellings in which equal arms were called different.
    #[schemars(length(max = 32))]
    pub false_positive_rate: String,
    /// Its Wilson interval at 95 %.
    #[schemars(length(max = 64))]
    pub interval: String,
    /// Labellings.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub relabels: i64,
    /// Posts that were relabelled.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub posts: i64,
    /// When it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub at: Option<Time>,
}
