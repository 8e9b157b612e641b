//! Confidence sequences: intervals that hold at all looks at once, and the p-values that belong to them.
//!
//! Sources: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas (2024), "Time-uniform central limit theory and
//! asymptotic confidence sequences", Annals of Statistics 52, Theorem 2.2: with variance σ̂² a unit, t units and ρ > 0,
//!
//! ```text
//! μ̂ ± σ̂ √( 2 (tρ² + 1)/(t²ρ²) · ln( √(tρ² + 1)/α ) )
//! ```
//!
//! which is where the mixture sequential probability ratio of H. Robbins (1970, normal mixture; R. Johari, L. Pekelis and
//! D. Walsh 2017 for tests of products) reaches 1/α. ρ is tuned to be narrowest at the planned t: tρ² = −W₋₁(−α²/e) − 1
//! (their appendix B.2), with W₋₁ the lower branch of Lambert's function.
//!
//! An estimated variance makes the normal mixture too narrow at few units. The mixture is therefore taken over the
//! *standardised* effect with the right Haar prior on σ (T. L. Lai 1976, "On confidence sequences", Annals of Statistics 4;
//! H. Wang and A. Ramdas 2024, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
//! variance"): with studentised difference z, ν degrees of freedom and r = tρ²
//!
//! ```text
//! E = (1 + r)^(−1/2) · ( (1 + z²/ν) / (1 + z²/(ν(1 + r))) )^((ν + 1)/2)
//! ```
//!
//! is a test martingale for normal data at every n and the normal mixture as ν → ∞. It has a closed inverse. The one-sided
//! version mixes over positive effects only and is E₊ = 2·E·T_{ν+1}( z √(r/(1 + r)) √((ν + 1)/(ν + z²/(1 + r))) ), T the
//! distribution function of Student.

use serde::{Deserialize, Serialize};

use super::distributions::{bisect, student_upper_tail};
use super::{Estimate, Interval, finite, is_level};

/// Effective units an arm needs before a sequential verdict is allowed: a delayed start, in the sense of the source's
/// section 2.4, of the asymptotics.
pub const MINIMUM_EFFECTIVE_UNITS: f64 = 20.0;

/// Beyond this a studentised difference is as good as infinite.
const LARGEST_STATISTIC: f64 = 1e8;

/// Whether both signs of the difference are looked for, or one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sides {
    /// Error `alpha` over both sides together.
    Two,
    /// Error `alpha` on one side: a lower bound, or by mirror an upper one.
    One,
}

/// A confidence sequence, tuned to one planned amount of information.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    alpha: f64,
    sides: Sides,
    planned_units: f64,
    /// r = tρ² at the planned t.
    planned_ratio: f64,
}

impl Sequence {
    /// `planned_units` is in the unit in which looks will give theirs: see [`units_of_pair`].
    ///
    /// `None` unless 0 < alpha < 1 and the plan is positive and finite.
    #[must_use]
    pub fn new(alpha: f64, sides: Sides, planned_units: f64) -> Option<Self> {
        if !is_level(alpha) || !planned_units.is_finite() || planned_units <= 0.0 {
            return None;
        }
        // One-sided at α is two-sided at 2α as far as tuning goes (the source's appendix B).
        let tuned = match sides {
            Sides::Two => alpha,
            Sides::One => (2.0 * alpha).min(0.999),
        };
        Some(Self {
            alpha,
            sides,
            planned_units,
            planned_ratio: optimal_ratio(tuned),
        })
    }

    /// The same mixture at another error rate: a bound of this level excludes the null exactly where [`Self::p_value`] is at
    /// most `alpha`, whichever level the sequence was tuned for. For Holm's levels. `None` unless 0 < alpha < 1.
    #[must_use]
    pub fn at_level(&self, alpha: f64) -> Option<Self> {
        is_level(alpha).then_some(Self { alpha, ..*self })
    }

    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The e-value against "the difference is `null`" (two-sided) or "at most `null`" (one-sided).
    ///
    /// 1 where there is no evidence to speak of: no units, no variance. Capped at the largest double.
    #[must_use]
    pub fn e_value(&self, look: &Estimate, units: f64, null: f64) -> f64 {
        let standard_error = look.standard_error();
        let ratio = self.ratio(units);
        if standard_error <= 0.0 || ratio <= 0.0 {
            return 1.0;
        }
        match finite((look.value - null) / standard_error) {
            Some(z) => self
                .log_e(z, ratio, look.degrees_of_freedom)
                .exp()
                .min(f64::MAX),
            None => 1.0,
        }
    }

    /// The p-value of this look alone, min(1, 1/E); the always-valid one is the least of all looks, see [`RunningP`].
    #[must_use]
    pub fn p_value(&self, look: &Estimate, units: f64, null: f64) -> f64 {
        self.e_value(look, units, null).recip().min(1.0)
    }

    /// How many standard errors the bound lies from the estimate at `units`; `None` while the units are too few for any
    /// bound at this level.
    #[must_use]
    pub fn critical(&self, units: f64, degrees_of_freedom: f64) -> Option<f64> {
        let ratio = self.ratio(units);
        if ratio <= 0.0 || degrees_of_freedom.is_nan() || degrees_of_freedom <= 0.0 {
            return None;
        }
        match self.sides {
            Sides::Two => two_sided_critical(self.alpha, ratio, degrees_of_freedom),
            Sides::One => {
                let goal = -self.alpha.ln();
                let reached = |z: f64| self.log_e(z, ratio, degrees_of_freedom) >= goal;
                reached(LARGEST_STATISTIC).then(|| bisect(0.0, LARGEST_STATISTIC, reached))
            }
        }
    }

    /// Estimate ± critical standard errors. Of a one-sided sequence only one end may be used, chosen beforehand.
    #[must_use]
    pub fn interval(&self, look: &Estimate, units: f64) -> Option<Interval> {
        let half = self.critical(units, look.degrees_of_freedom)? * look.standard_error();
        if half <= 0.0 {
            return None;
        }
        Interval::new(look.value - half, look.value + half)
    }

    /// Half the width that the sequence will have at `units` if a unit has `variance` (of the pair's unit).
    #[must_use]
    pub fn half_width_at(&self, units: f64, variance: f64) -> Option<f64> {
        finite(self.critical(units, f64::INFINITY)? * (variance / units).sqrt())
    }

    fn ratio(&self, units: f64) -> f64 {
        if units.is_finite() {
            self.planned_ratio * (units / self.planned_units)
        } else {
            0.0
        }
    }

    fn log_e(&self, z: f64, ratio: f64, degrees_of_freedom: f64) -> f64 {
        let z = z.clamp(-LARGEST_STATISTIC, LARGEST_STATISTIC);
        let both = log_mixture(z, ratio, degrees_of_freedom);
        match self.sides {
            Sides::Two => both,
            Sides::One => {
                let pull = (ratio / (1.0 + ratio)).sqrt();
                let spread = if degrees_of_freedom.is_infinite() {
                    1.0
                } else {
                    ((degrees_of_freedom + 1.0) / (degrees_of_freedom + z * z / (1.0 + ratio)))
                        .sqrt()
                };
                both + (2.0 * student_upper_tail(-z * pull * spread, degrees_of_freedom + 1.0)).ln()
            }
        }
    }
}

/// Units of information in the difference of two arms: 1/(1/n₁ + 1/n₀), half an arm's units where arms are equal.
#[must_use]
pub fn units_of_pair(treatment: f64, control: f64) -> f64 {
    if treatment > 0.0 && control > 0.0 {
        (treatment.recip() + control.recip()).recip()
    } else {
        0.0
    }
}

/// The always-valid p-value: the least p of all looks so far; never rises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunningP(f64);

impl Default for RunningP {
    fn default() -> Self {
        Self(1.0)
    }
}

impl RunningP {
    /// Takes one look's p-value in and answers with the least so far.
    pub fn observe(&mut self, p_value: f64) -> f64 {
        if p_value >= 0.0 {
            self.0 = self.0.min(p_value);
        }
        self.0
    }

    #[must_use]
    pub fn value(&self) -> f64 {
        self.0
    }
}

/// ln E of the two-sided mixture.
fn log_mixture(z: f64, ratio: f64, degrees_of_freedom: f64) -> f64 {
    let half_log = 0.5 * ratio.ln_1p();
    let square = z * z;
    if degrees_of_freedom.is_infinite() {
        return 0.5 * square * (ratio / (1.0 + ratio)) - half_log;
    }
    let full = (square / degrees_of_freedom).ln_1p();
    let shrunk = (square / (degrees_of_freedom * (1.0 + ratio))).ln_1p();
    0.5 * (degrees_of_freedom + 1.0) * (full - shrunk) - half_log
}

/// The z at which the two-sided mixture reaches 1/α: z² = ν (K − 1)/(1 − K/(1 + r)), K = (√(1 + r)/α)^(2/(ν + 1)).
fn two_sided_critical(alpha: f64, ratio: f64, degrees_of_freedom: f64) -> Option<f64> {
    let goal = ratio.ln_1p() - 2.0 * alpha.ln();
    if degrees_of_freedom.is_infinite() {
        return finite((goal * (1.0 + ratio.recip())).sqrt());
    }
    let exponent = goal / (degrees_of_freedom + 1.0);
    let rest = -(exponent - ratio.ln_1p()).exp_m1();
    if rest <= 0.0 {
        return None;
    }
    finite((degrees_of_freedom * exponent.exp_m1() / rest).sqrt())
}

/// r = −W₋₁(−α²/e) − 1, the root of r = ln(1 + r) − 2 ln α, by fixed-point iteration (slope 1/(1 + r) < 1).
fn optimal_ratio(alpha: f64) -> f64 {
    let goal = -2.0 * alpha.ln();
    bisect(0.0, 2.0 * goal + 4.0, |ratio| ratio - ratio.ln_1p() >= goal)
}
