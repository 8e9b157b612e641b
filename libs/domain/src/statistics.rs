//! Statistics of experiments: one file a method, each with its source.
//!
//! Every function is total over finite arguments: where the data support no value (no units, no variance, more successes
//! than trials, a sum that overflows) the answer is `None`, never NaN. Levels called `alpha` are error rates in (0, 1);
//! intervals of level `alpha` aim at a coverage of `1 − alpha`. Differences are always *treatment − control*.

pub mod aipw;
pub mod aipw_ratio;
pub mod assign;
pub mod bayes;
pub mod caution;
pub mod comparison;
pub mod cuped;
pub mod distributions;
pub mod draws;
mod incomplete_beta;
pub mod moments;
pub mod multiple;
pub mod power;
pub mod proportion;
pub mod ratio;
pub mod seeds;
pub mod sequence;
pub mod srm;
pub mod stratified;
pub mod thompson;
pub mod welch;

use serde::{Deserialize, Serialize};

/// A closed interval with finite ends, `lower ≤ upper`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
}

impl Interval {
    /// `None` unless both ends are finite and in order.
    #[must_use]
    pub fn new(lower: f64, upper: f64) -> Option<Self> {
        (lower.is_finite() && upper.is_finite() && lower <= upper).then_some(Self { lower, upper })
    }

    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    #[must_use]
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

/// An estimate with its sampling variance, both finite; `variance ≥ 0`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// Variance of the estimate itself (the squared standard error), not of a unit.
    pub variance: f64,
    /// What a Student distribution of the studentised estimate would have; infinite means normal.
    pub degrees_of_freedom: f64,
}

impl Estimate {
    /// `None` unless value and variance are finite, the variance is not negative and the degrees of freedom are positive.
    #[must_use]
    pub fn new(value: f64, variance: f64, degrees_of_freedom: f64) -> Option<Self> {
        (value.is_finite() && variance.is_finite() && variance >= 0.0 && degrees_of_freedom > 0.0)
            .then_some(Self {
                value,
                variance,
                degrees_of_freedom,
            })
    }

    #[must_use]
    pub fn standard_error(&self) -> f64 {
        self.variance.sqrt()
    }

    /// `self − control` for independent estimates; degrees of freedom by Welch (1947) and Satterthwaite (1946),
    /// ν = (v₁ + v₂)² / (v₁²/ν₁ + v₂²/ν₂).
    #[must_use]
    pub fn minus(&self, control: &Self) -> Option<Self> {
        let variance = self.variance + control.variance;
        // Shares of the variance instead of its squares: squares of tiny variances underflow.
        let degrees_of_freedom = if variance > 0.0 {
            let share = |part: &Self| (part.variance / variance).powi(2) / part.degrees_of_freedom;
            (share(self) + share(control)).recip()
        } else {
            self.degrees_of_freedom.min(control.degrees_of_freedom)
        };
        Self::new(self.value - control.value, variance, degrees_of_freedom)
    }
}

/// Which way of a metric is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Increase,
    Decrease,
}

impl Direction {
    /// +1 for [`Direction::Increase`], −1 for [`Direction::Decrease`].
    #[must_use]
    pub fn sign(self) -> f64 {
        match self {
            Direction::Increase => 1.0,
            Direction::Decrease => -1.0,
        }
    }
}

/// Whether `alpha` is an error rate: finite and strictly between 0 and 1.
pub(crate) fn is_level(alpha: f64) -> bool {
    alpha > 0.0 && alpha < 1.0
}

/// `value` where it is finite.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
