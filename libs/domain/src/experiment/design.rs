//! What an experiment set out to do. It stands unchanged from the start on; rows keep it as JSON.

use serde::{Deserialize, Serialize};

/// The whole design. Fractions and probabilities are basis points, durations seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Design {
    /// In the order of the resource; exactly one is the control. Arms are meant by their index from here on.
    pub arms: Vec<Arm>,
    pub unit: UnitKind,
    pub allocation: Allocation,
    pub metric: Metric,
    pub direction: Direction,
    pub estimand: Estimand,
    /// From exposure to the end of what counts.
    pub attribution_seconds: i64,
    /// From the end of what counts to the freezing of the unit.
    pub ingest_grace_seconds: i64,
    /// From assignment to the moment when an unpublished post counts as zero.
    pub publish_deadline_seconds: i64,
    /// Feed whose heartbeats say that silence means zero.
    pub feed: String,
    pub guardrails: Vec<Guardrail>,
    /// Described, never decided by.
    pub secondary: Vec<Metric>,
    pub engine: Engine,
    pub alpha_bp: u32,
    pub power_bp: u32,
    /// Wanted minimum detectable effect, relative to the control.
    pub mde_bp: u32,
    /// Units an arm for which the analysis is tuned; FixedHorizon looks once, when every arm has them.
    pub planned_units: u64,
    /// P(best) at which a bandit or a Bayesian analysis may stop.
    pub probability_best_bp: u32,
    /// Expected loss or value remaining, relative to the leader's mean, below which it may stop.
    pub loss_threshold_bp: u32,
    pub covariates: Vec<Covariate>,
    pub stopping: Stopping,
    pub decision: DecisionMode,
}

/// One arm. Weights are those of the first epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arm {
    pub name: String,
    pub control: bool,
    pub weight_bp: u32,
}

/// What is randomized, and therefore what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitKind {
    Post,
    Participant,
}

/// Who sets the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
pub enum Allocation {
    Fixed,
    /// Thompson sampling every `cadence_seconds`; no arm falls below `floor_bp`.
    Bandit {
        floor_bp: u32,
        cadence_seconds: i64,
    },
}

/// What is measured on a unit: counts of a named event, alone or over those of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    pub kind: MetricKind,
    pub numerator: String,
    /// Absent for a proportion.
    pub denominator: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricKind {
    /// Share of participants with at least one event.
    Proportion,
    /// Mean over posts of each post's own rate.
    Mean,
    /// Sum over sum, clustered by post; another estimand than Mean.
    Ratio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Increase,
    Decrease,
}

/// Whom a figure speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Estimand {
    /// Every assigned task; one that gave no published post counts as zero.
    PerTask,
    /// Published posts only; the verdict says so.
    AmongPublished,
}

/// A metric that an arm may not worsen by more than a margin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guardrail {
    pub name: String,
    pub metric: Metric,
    /// The good direction.
    pub direction: Direction,
    pub margin_bp: u32,
    /// Whether the margin is relative to the control's mean or absolute.
    pub relative: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Engine {
    Sequential,
    FixedHorizon,
    Bayesian,
}

/// What is known of a unit before its assignment and takes variance away (CUPED).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Covariate {
    /// Quarter of the day, three indicators.
    Slot,
    /// Whether it is a weekend, one indicator.
    Weekday,
    /// Mean of the persona's posts that had matured by then.
    TrailingMean,
    /// The participant's own figure of before.
    OwnPast,
}

/// Bounds of the whole; absent means unbounded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stopping {
    pub min_seconds: i64,
    pub max_seconds: i64,
    pub min_units_per_arm: u64,
    pub max_units: Option<u64>,
    pub max_tokens: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionMode {
    Manual,
    AutoPromote,
    AutoRollback,
}

impl Design {
    /// Index of the control; the first arm where none is marked, which admission does not let through.
    #[must_use]
    pub fn control(&self) -> usize {
        self.arms.iter().position(|arm| arm.control).unwrap_or(0)
    }

    /// The metrics whose values a unit carries beside the objective: guardrails first, then secondary ones.
    pub fn extra_metrics(&self) -> impl Iterator<Item = &Metric> {
        self.guardrails
            .iter()
            .map(|guardrail| &guardrail.metric)
            .chain(&self.secondary)
    }
}
