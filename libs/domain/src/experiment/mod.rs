//! Experiments: what was designed, what was observed, and what may be said of it. Pure and deterministic; the operator
//! gathers the [`Evidence`] from rows, and [`evaluate`](evaluate::evaluate) answers with an [`Evaluation`].

pub mod canary;
pub mod covariates;
pub mod design;
pub mod evaluate;
pub mod evaluation;
pub mod evidence;

pub use covariates::{KnownBefore, covariate_values};
pub use design::{
    Allocation, Arm, Covariate, DecisionMode, Design, Direction, Engine, Estimand, Guardrail,
    Metric, MetricKind, Stopping, UnitKind,
};
pub use evaluate::evaluate;
pub use evaluation::{
    ArmFigures, Comparison, Evaluation, GuardrailFigures, GuardrailState, Power, RatioMismatch,
    SecondaryFigures, Verdict,
};
pub use evidence::{ArmCounts, EpochCounts, Evidence, MaturedUnit, Outcome, WeightEpoch};
