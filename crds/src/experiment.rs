//! Experiment: what to test.

pub mod design;
pub mod rules;
pub mod status;

pub use design::{
    Allocation, AllocationMode, Analysis, Canary, Covariate, Decision, DecisionMode, Direction,
    Engine, Estimand, Guardrail, Metric, MetricType, Objective, SecondaryMetric, Stopping,
    UnitKind, Variant, VariantPrompt,
};
pub use status::{
    ArmStatus, CONDITIONS, CanaryStatus, DecisionStatus, ExperimentPhase, ExperimentStatus,
    GuardrailState, GuardrailStatus, RatioStatus,
};

use crate::common::policy::{DeletionPolicy, DriftPolicy};
use crate::common::reference::LocalRef;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// What to test: variants of one persona's prompt, a metric, and how it is decided.
///
/// An Experiment waits until it carries the annotation `threads-agent.io/start` (any value); from then on its design cannot
/// change. Tasks of jobs that join (the job's `experimentRef`, or the persona's `defaultExperimentRef`) are assigned to a
/// variant by a keyed hash. `threads-agent.io/cancel` ends it without a decision. Where `decision.mode` is Manual,
/// `threads-agent.io/promote` with the value of `status.inputsDigest` promotes the winner.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "Experiment",
    plural = "experiments",
    shortname = "texp",
    category = "threads",
    namespaced,
    status = "ExperimentStatus",
    derive = "PartialEq",
    cel,
    doc = "An Experiment says what to test: variants of one persona's prompt, a metric, and how it is decided. It waits until it carries the annotation threads-agent.io/start; from then on its design cannot change. The annotation threads-agent.io/cancel ends it without a decision; threads-agent.io/promote with the value of status.inputsDigest promotes the winner where decision.mode is Manual.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    validation = rules::design_stands(),
    selectable = ".spec.personaRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "One word for the state of the experiment."),
    printcolumn(name = "Arms", type_ = "integer", json_path = ".status.armCount", description = "Variants."),
    printcolumn(name = "Matured", type_ = "integer", json_path = ".status.matured", description = "Units whose figures are frozen."),
    printcolumn(name = "Leader", type_ = "string", json_path = ".status.leader", description = "Variant with the best mean so far."),
    printcolumn(name = "P(best)", type_ = "string", json_path = ".status.leaderProbability", description = "How probable it is that the leader is the best."),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict", description = "What may be said."),
    printcolumn(name = "Persona", type_ = "string", json_path = ".spec.personaRef.name", priority = 1, description = "Persona whose posts are compared."),
    printcolumn(name = "Winner", type_ = "string", json_path = ".status.winner", priority = 1, description = "Variant that the verdict names."),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.explanation", priority = 1, description = "The verdict in a sentence."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_control())]
#[x_kube(validation = rules::weights_sum_up())]
#[x_kube(validation = rules::promotion_names_versions_of_its_template())]
#[x_kube(validation = rules::no_bandit_at_a_fixed_horizon())]
#[x_kube(validation = rules::metric_fits_unit())]
#[x_kube(validation = rules::covariates_fit_unit())]
#[x_kube(validation = rules::window_fits_into_maximum())]
pub struct ExperimentSpec {
    /// What is expected and why, at most 1000 characters.
    #[schemars(length(min = 1, max = 1000))]
    pub hypothesis: String,
    /// The Persona whose posts are compared, in the same namespace.
    pub persona_ref: LocalRef,
    /// The variants, two to ten; exactly one is the control, and their weights sum to 10000.
    #[schemars(length(min = 2, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub variants: Vec<Variant>,
    /// Who sets the weights.
    #[serde(default)]
    pub allocation: Allocation,
    /// What is randomized and counted: Post (the default), or Participant for callers that render themselves and ask the API
    /// for an assignment.
    #[serde(default)]
    pub unit: UnitKind,
    /// What is measured, and when it counts.
    pub objective: Objective,
    /// Metrics that a variant may not worsen by more than a margin, at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub guardrails: Vec<Guardrail>,
    /// Metrics that are described and never decide, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub secondary: Vec<SecondaryMetric>,
    /// How the verdict is reached.
    #[serde(default)]
    pub analysis: Analysis,
    /// When it may and when it must end.
    #[serde(default)]
    pub stopping: Stopping,
    /// What follows from the verdict.
    #[serde(default)]
    pub decision: Decision,
    /// A running A/A test on the persona's own posts: how often equal arms are called different.
    #[serde(default)]
    pub canary: Canary,
    /// True stops assignment and evaluation; outcomes are still taken in. Jobs that name the experiment wait.
    #[serde(default)]
    pub suspend: bool,
    /// Seconds after its end when the units' details are removed; figures, verdict and decisions stay. The default is
    /// 7776000 (90 days), the most 31536000.
    #[serde(default = "ninety_days")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: i32,
    /// What becomes of the records on deletion. Retain (the default) ends the experiment and keeps its rows, so that the same
    /// experiment applied again goes on. Delete removes units and figures; promotions and decisions stay as records.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens where the rows no longer match. Repair (the default) puts them right; Report only says so in the
    /// condition Drifted.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
}

fn ninety_days() -> i32 {
    7_776_000
}
