//! What may be said of an experiment at one moment. No number in it is NaN or infinite: what is not known is absent.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    pub verdict: Verdict,
    /// Index of the arm that the verdict names.
    pub winner: Option<usize>,
    /// Index of the arm with the best mean so far; absent before two arms have matured units.
    pub leader: Option<usize>,
    /// One sentence that names the figures.
    pub sentence: String,
    /// One entry an arm, in the design's order.
    pub arms: Vec<ArmFigures>,
    /// One entry an arm against the control; the control has none.
    pub comparisons: Vec<Comparison>,
    pub ratio_mismatch: RatioMismatch,
    pub guardrails: Vec<GuardrailFigures>,
    /// One entry a secondary metric and arm; described, never decided by.
    #[serde(default)]
    pub secondary: Vec<SecondaryFigures>,
    pub power: Power,
    /// False where too many matured units have no record.
    pub data_fresh: bool,
    /// Smallest effective number of units over the arms.
    pub effective_units: f64,
    /// When the sequential analysis may begin or the planned number will be reached; Unix seconds.
    pub forecast_at: Option<i64>,
    /// Weights of the next epoch, where a bandit wants other ones than are in force.
    pub next_weights_bp: Option<Vec<u32>>,
    /// What the verdict does not claim, for example that no error rate holds.
    pub notes: Vec<String>,
    /// Digest of design and counted evidence (64 hexadecimal digits); the clock is not in it.
    pub inputs_digest: String,
}

/// Why it ended, or that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Pending,
    Winner,
    /// Every other arm, or the one that violated a guardrail, lost against the control.
    Loser,
    NoDifference,
    /// A bandit stopped to minimise loss; no error rate is claimed.
    Adopted,
    Inconclusive,
    Invalid,
}

impl Verdict {
    /// Whether the experiment ends with it.
    #[must_use]
    pub fn is_final(self) -> bool {
        self != Self::Pending
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmFigures {
    pub assigned: u64,
    pub exposed: u64,
    pub matured: u64,
    pub missing: u64,
    /// Estimate of the objective with its interval at 1 − α.
    pub mean: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub probability_best: Option<f64>,
    /// Expected loss, in units of the metric, if this arm were chosen now.
    pub expected_loss: Option<f64>,
    /// Weight in force, in basis points.
    pub weight_bp: u32,
    pub effective_units: f64,
}

/// An arm against the control. Uplift is relative to the control's mean, signed so that positive is the wanted direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub arm: usize,
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    pub uplift: Option<f64>,
    pub uplift_low: Option<f64>,
    pub uplift_high: Option<f64>,
    /// Anytime-valid under Sequential, at the one look under FixedHorizon, absent under Bayesian.
    pub p_value: Option<f64>,
    /// Level after Holm at which `low` and `high` hold.
    pub level: f64,
}

/// Anytime p-values of the sample-ratio tests; absent without counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RatioMismatch {
    pub assignment: Option<f64>,
    pub exposure: Option<f64>,
    pub maturity: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardrailFigures {
    pub name: String,
    pub arm: usize,
    pub state: GuardrailState,
    /// Worsening against the control with its one-sided bound, in units of the metric.
    pub worsening: Option<f64>,
    pub bound: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuardrailState {
    Met,
    Unproven,
    Violated,
}

/// A secondary metric of an arm against the control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondaryFigures {
    /// Index in the design's list.
    pub metric: usize,
    pub arm: usize,
    pub difference: f64,
    pub low: f64,
    pub high: f64,
    /// Whether e-BH at α counts it among the discoveries.
    pub discovered: bool,
}

/// What the experiment can find at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all_fields = "camelCase")]
pub enum Power {
    NoHistory,
    /// Relative minimum detectable effect at the maximum, in basis points.
    Known {
        detectable_bp: u32,
        reachable: bool,
    },
}
