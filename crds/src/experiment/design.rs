//! The parts of an experiment's design.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One variant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.prompt) || (has(self.dimensions) && self.dimensions.size() > 0)",
    "a variant needs a prompt or dimensions; give a prompt version, or values of template variables",
))]
pub struct Variant {
    /// Name of the variant, for example `question`.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// True for the one variant that the others are compared with.
    #[serde(default)]
    pub control: bool,
    /// Share of units that it gets, in basis points; with a bandit the share at the start.
    #[schemars(range(min = 0, max = 10_000))]
    pub weight_bp: i32,
    /// The prompt version that its tasks follow. Absent: the prompt that the task would have followed anyway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<VariantPrompt>,
    /// Values of template variables that only its tasks see, for example `hook_style: question`, at most ten.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "dimensions")]
    pub dimensions: BTreeMap<String, String>,
}

/// At most ten values of template variables.
fn dimensions(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 10,
        "additionalProperties": { "type": "string", "maxLength": 256 },
    })
}

/// A version of a PromptTemplate of the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct VariantPrompt {
    /// Name of the PromptTemplate.
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub template: String,
    /// Name of the version.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub version: String,
}

/// Who sets the weights.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// Fixed (the default) keeps the weights. Bandit moves them by Thompson sampling.
    #[serde(default)]
    pub mode: AllocationMode,
    /// Least share of a variant under Bandit, in basis points; the default is 1000. Below 1000 no error rate is claimed.
    #[serde(default = "thousand")]
    #[schemars(range(min = 0, max = 5000))]
    pub floor_bp: i32,
    /// Seconds between changes of the weights, 1 to 604800; the default is 3600.
    #[serde(default = "hour")]
    #[schemars(range(min = 1, max = 604_800))]
    pub cadence_seconds: i32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllocationMode {
    #[default]
    Fixed,
    Bandit,
}

/// What is randomized and counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnitKind {
    #[default]
    Post,
    Participant,
}

/// What is measured, and when it counts.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Objective {
    /// The metric that decides.
    pub metric: Metric,
    /// Whether more (Increase, the default) or less of it is wanted.
    #[serde(default)]
    pub direction: Direction,
    /// Seconds after exposure within which outcomes count, 1 to 2592000 (30 days); the default is 172800 (2 days).
    #[serde(default = "two_days")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub attribution_window_seconds: i32,
    /// Seconds after the window for outcomes that are still on their way; then the unit is frozen. The default is 3600.
    #[serde(default = "hour")]
    #[schemars(range(min = 0, max = 604_800))]
    pub ingest_grace_seconds: i32,
    /// Seconds from assignment after which an unpublished post counts as zero (or, among published, not at all). The default
    /// is 604800 (7 days), the most 31536000.
    #[serde(default = "week")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub publish_deadline_seconds: i32,
    /// Whom the figure speaks of. PerTask (the default): every assigned task, zero where it gave no published post.
    /// AmongPublished: published posts only; the verdict says so.
    #[serde(default)]
    pub estimand: Estimand,
    /// Feed whose heartbeats say that silence means zero; the default is `default`.
    #[serde(default = "default_feed")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$")
    )]
    pub feed: String,
}

/// Counts of a named event on a unit, alone or over those of another.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.type == 'Proportion' ? !has(self.denominator) : has(self.denominator)",
    "a metric of type Mean or Ratio needs a denominator such as impressions, a Proportion has none",
))]
pub struct Metric {
    /// Mean (the default): mean over posts of each post's own rate. Ratio: sum over sum, clustered by post; another question
    /// than Mean. Proportion: share of participants with at least one event.
    #[serde(default, rename = "type")]
    pub type_: MetricType,
    /// Name of the event that is counted, for example `likes`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-zA-Z0-9_]*$"))]
    pub numerator: String,
    /// Name of the event that it is divided by, for example `impressions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-zA-Z0-9_]*$"))]
    pub denominator: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricType {
    #[default]
    Mean,
    Ratio,
    Proportion,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Direction {
    #[default]
    Increase,
    Decrease,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Estimand {
    #[default]
    PerTask,
    AmongPublished,
}

/// A metric that a variant may not worsen by more than a margin.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Guardrail {
    /// Name of the guardrail.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// What is measured.
    pub metric: Metric,
    /// The good direction; Increase is the default.
    #[serde(default)]
    pub direction: Direction,
    /// How much worse than the control a variant may be, in basis points.
    #[schemars(range(min = 0, max = 100_000))]
    pub margin_bp: i32,
    /// True (the default): the margin is a share of the control's mean. False: it is absolute.
    #[serde(default = "yes")]
    pub relative: bool,
}

/// A metric that is described and never decides.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecondaryMetric {
    /// Name of the metric.
    #[schemars(
        length(min = 1, max = 40),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// What is measured.
    pub metric: Metric,
}

/// How the verdict is reached.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Sequential (the default): may be looked at any time, error rate alphaBp over all looks. FixedHorizon: one look when
    /// every variant has plannedUnits. Bayesian: probabilities and expected loss, no error rate.
    #[serde(default)]
    pub engine: Engine,
    /// Error rate that is accepted, in basis points; the default is 500.
    #[serde(default = "five_hundred")]
    #[schemars(range(min = 1, max = 2000))]
    pub alpha_bp: i32,
    /// Power that is wanted, in basis points; the default is 8000.
    #[serde(default = "eight_thousand")]
    #[schemars(range(min = 5000, max = 9990))]
    pub power_bp: i32,
    /// Smallest effect that matters, relative to the control, in basis points; the default is 1000.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub mde_bp: i32,
    /// Units a variant for which the analysis is tuned, 20 to 10000000; the default is 200.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 20, max = 10_000_000))]
    pub planned_units: i32,
    /// P(best) at which a bandit or a Bayesian analysis may stop, in basis points; the default is 9500.
    #[serde(default = "nine_thousand_five_hundred")]
    #[schemars(range(min = 5000, max = 9999))]
    pub probability_best_bp: i32,
    /// Value that may remain, relative to the leader's mean, when it stops, in basis points; the default is 100.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    pub loss_threshold_bp: i32,
    /// What was known before assignment and takes variance away, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub covariates: Vec<Covariate>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Engine {
    #[default]
    Sequential,
    FixedHorizon,
    Bayesian,
}

/// What was known before assignment: quarter of the day, weekend, trailing mean of the persona; a participant's own past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Covariate {
    Slot,
    Weekday,
    TrailingMean,
    OwnPast,
}

/// When it may and when it must end.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Stopping {
    /// Seconds from the start before which nothing is decided; the default is 86400.
    #[serde(default = "day")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub min_duration_seconds: i32,
    /// Seconds from the start when it ends, decided or not; the default is 2419200 (28 days), the most 31536000.
    #[serde(default = "four_weeks")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub max_duration_seconds: i32,
    /// Matured units that every variant needs before anything is decided; the default is 20.
    #[serde(default = "twenty")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub min_units_per_arm: i32,
    /// Units at which no more are assigned; when the last of them has matured, it ends. Absent: no such bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_units: Option<i32>,
    /// Tokens of its tasks at which it ends. Absent: no such bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub max_tokens: Option<i64>,
}

/// What follows from the verdict.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.template) == has(self.track) && (self.mode == 'Manual' || has(self.template))",
    "decision.template and decision.track belong together, and AutoPromote and AutoRollback need both; give both or neither",
))]
pub struct Decision {
    /// Manual (the default): a person promotes by annotation. AutoPromote: the winner is promoted. AutoRollback: the control is
    /// put back where another variant lost.
    #[serde(default)]
    pub mode: DecisionMode,
    /// PromptTemplate whose track is moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub template: Option<String>,
    /// The track that is moved; it must be a managed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub track: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DecisionMode {
    #[default]
    Manual,
    AutoPromote,
    AutoRollback,
}

/// A running A/A test: the persona's own matured posts are relabelled at random, and the analysis is run on each labelling.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    /// True runs it.
    #[serde(default)]
    pub enabled: bool,
    /// Seconds between two runs, 60 to 2592000; the default is 86400.
    #[serde(default = "day")]
    #[schemars(range(min = 60, max = 2_592_000))]
    pub period_seconds: i32,
    /// Labellings a run, 1000 (the default) to 10000.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1000, max = 10_000))]
    pub relabels: i32,
}

mod defaults;
use defaults::*;
