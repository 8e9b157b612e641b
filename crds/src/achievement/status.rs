//! What the operator saw of an Achievement: its record, and what was concluded from it.

use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::pending::PendingDeletion;
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The conditions of an Achievement, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Drifted,
    ConditionType::SourceVerified,
    ConditionType::Recorded,
    ConditionType::Analyzed,
    ConditionType::PortfolioReady,
    ConditionType::Published,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct AchievementStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Drifted, SourceVerified, Recorded, Analyzed, PortfolioReady and Published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Id of the record, by which the API knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub record_id: Option<String>,
    /// Where it comes from in a word, for example `acme/shop#42` or `manual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 160))]
    pub source: Option<String>,
    /// Title in force, cut; absent where something like a secret was found in the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub title: Option<String>,
    /// Who may see where it comes from: public, internal or private. What is not known to be public is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub visibility: Option<String>,
    /// Who had a part in it: the first ten accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub people: Vec<String>,
    /// What kind of work it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub category: Option<String>,
    /// Why it has that category: a label, a word of the title, a person, or that nothing told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub category_reason: Option<String>,
    /// What it achieved: the sum of its components' points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact_score: Option<ScoreStatus>,
    /// How large the change was, by counts of what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complexity_score: Option<ScoreStatus>,
    /// Version of the formula behind both scores; rescoring is a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub formula_version: Option<i32>,
    /// What the text says of its worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_value: Option<BusinessValueStatus>,
    /// What a person should look at before anything of it is published, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub findings: Vec<FindingStatus>,
    /// When the analysis was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub analyzed_at: Option<Time>,
    /// The earlier record that says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<DuplicateStatus>,
    /// Id of the record of the pull request that took this one back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub reverted_by: Option<String>,
    /// Whether portfolios show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio_ready: Option<bool>,
    /// What a person's yes has to name: the value for the annotation `threads-agent.io/approve`. It changes with the text that
    /// would be announced, and with who announces it. Absent where no yes is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub approval_digest: Option<String>,
    /// The ContentJob that announces it, in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_job_ref: Option<ContentJobRef>,
    /// The Persona that announced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    pub published_by: Option<String>,
    /// When the announcement was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub announced_at: Option<Time>,
    /// What a deletion still has to remove, at most 10 entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub pending_deletion: Vec<PendingDeletion>,
}

/// A score and what it is made of. Points are never scaled up where evidence is missing.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ScoreStatus {
    /// The sum of the components' points.
    #[schemars(range(min = 0, max = 100))]
    pub points: i32,
    /// How many of the 100 points there is evidence for: the sum of the caps of the components that have some.
    #[schemars(range(min = 0, max = 100))]
    pub evidenced: i32,
    /// What the score is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub components: Vec<ComponentStatus>,
}

/// One component of a score.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Name of the component.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Points that it gives; 0 where there is no evidence.
    #[schemars(range(min = 0, max = 100))]
    pub points: i32,
    /// Points that it can give at most.
    #[schemars(range(min = 0, max = 100))]
    pub cap: i32,
    /// Sentences that name what was counted, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub evidence: Vec<String>,
    /// Why there is no evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub absent: Option<String>,
}

/// What the text says of its worth; nothing is invented.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BusinessValueStatus {
    /// Figures that were read, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub figures: Vec<FigureStatus>,
    /// Why a text that looks like a value was not read as one, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub unparsed: Vec<String>,
}

/// A figure that the text gives.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FigureStatus {
    /// A decimal number in `unit`.
    #[schemars(length(max = 40))]
    pub amount: String,
    /// ISO 4217 code for money, `hours` or `incidents`.
    #[schemars(length(max = 16))]
    pub unit: String,
    /// Once, or each day, week, sprint, month or year.
    #[schemars(length(max = 16))]
    pub period: String,
    /// What stands behind it: claimed, measured or linked.
    #[schemars(length(max = 16))]
    pub basis: String,
    /// The words that it was read from.
    #[schemars(length(max = 256))]
    pub quote: String,
    /// How sure the reading is, in basis points.
    #[schemars(range(min = 0, max = 10_000))]
    pub confidence_bp: i32,
}

/// Something to look at before it is published.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FindingStatus {
    /// What it is: secret, injection, bidi or markup.
    #[schemars(length(max = 32))]
    pub kind: String,
    /// Where, without the thing itself.
    #[schemars(length(max = 256))]
    pub detail: String,
}

/// The earlier record that says the same.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DuplicateStatus {
    /// Id of that record.
    #[schemars(length(max = 36))]
    pub record_id: String,
    /// Name of its Achievement, where one stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub name: Option<String>,
    /// Similarity of the two in basis points; absent where a person said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub similarity_bp: Option<i32>,
}

/// A ContentJob of the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ContentJobRef {
    /// Name of the ContentJob.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}
