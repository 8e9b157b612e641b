//! What was observed of an experiment. Only matured units carry values; everything else is counts.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The input of an evaluation, at one moment of the server's clock. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub started_at: i64,
    pub now: i64,
    /// Weight epochs in order, the first being the design's own weights.
    pub epochs: Vec<WeightEpoch>,
    /// Units by epoch and arm, for the checks of the sample ratio.
    pub counts: Vec<EpochCounts>,
    /// Matured units in the order in which they matured; one without a record is not among them but in `missing`.
    pub units: Vec<MaturedUnit>,
    /// Matured units without a record, by arm.
    pub missing: Vec<u64>,
    /// Units that may still mature.
    pub open_units: u64,
    pub tokens_spent: i64,
    /// Objective outcomes of the persona's own units from before the start, newest last, at most 1,000.
    pub history: Vec<Outcome>,
    /// Units a day over the last days, for forecasts; absent where there is no day yet.
    pub units_per_day: Option<f64>,
}

/// Weights that were in force from one moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightEpoch {
    pub number: i32,
    pub since: i64,
    /// One weight an arm, in basis points; they sum to 10,000.
    pub weights_bp: Vec<u32>,
}

/// How many units of one epoch came how far, one entry an arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochCounts {
    pub epoch: i32,
    pub arms: Vec<ArmCounts>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmCounts {
    pub assigned: u64,
    pub exposed: u64,
    pub matured: u64,
    /// Tasks that ended without a published post.
    pub lost: u64,
}

/// One matured unit, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaturedUnit {
    pub id: Uuid,
    pub arm: u16,
    pub epoch: i32,
    /// Probability with which it was assigned to its arm.
    pub probability: f64,
    pub assigned_at: i64,
    pub matured_at: i64,
    /// False where the task ended without a published post and so counts as zero.
    pub published: bool,
    pub objective: Outcome,
    /// One outcome for each of [`Design::extra_metrics`](super::Design::extra_metrics).
    pub extra: Vec<Outcome>,
    /// Fixed before assignment; the same length for every unit of an experiment.
    pub covariates: Vec<f64>,
}

/// Counts of the numerator's and of the denominator's event; a proportion has 0 or 1 over 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub y: f64,
    pub x: f64,
}

impl Outcome {
    /// The unit's own rate; zero over zero is zero.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.x > 0.0 { self.y / self.x } else { 0.0 }
    }
}
