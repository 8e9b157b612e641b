//! Ratio of means Σy / Σx by the delta method, clustered by unit, and relative uplift.
//!
//! Sources: A. Deng, U. Knoblich and J. Lu (2018), "Applying the delta method in metric analytics", KDD, equation (2): with
//! R = ȳ/x̄ the variance is that of the mean of (y − R x)/x̄. R is the weighted least-squares mean of y/x with weights x, so
//! the leverage of unit i is hᵢ = xᵢ/Σx; J. G. MacKinnon and H. White (1985), J. Econometrics 29, divide its residual by
//! √(1 − hᵢ) (HC2) or 1 − hᵢ (HC3, the jackknife), which is what keeps a post with most of the reach from hiding its own
//! residual. Equal to statsmodels `WLS(y/x, 1, weights=x).fit(cov_type="HC1" | "HC2" | "HC3")`. Relative uplift: E. C. Fieller (1954), "Some problems in interval
//! estimation", JRSS B 16.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval, finite, moments};

/// One unit (a post): the numerator y (engagements) and the denominator x (impressions).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RatioUnit {
    pub numerator: f64,
    pub denominator: f64,
}

/// How residuals are corrected for their unit's pull on the ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leverage {
    /// n/(n − 1) for all, the usual delta method.
    Hc1,
    /// Unbiased where a unit's variance is proportional to its denominator.
    Hc2,
    /// The jackknife's; the conservative one, for few effective units.
    Hc3,
}

/// Σy/Σx with its variance; degrees of freedom are the effective units (Σx)²/Σx² less one.
///
/// `None` for fewer than two units, a sum of denominators that is not positive, or one unit that has it all. Negative
/// denominators are refused.
#[must_use]
pub fn ratio(units: &[RatioUnit], leverage: Leverage) -> Option<Estimate> {
    let count = units.len() as f64;
    let total: f64 = units.iter().map(|unit| unit.denominator).sum();
    if units.len() < 2
        || total <= 0.0
        || !total.is_finite()
        || units.iter().any(|unit| unit.denominator < 0.0)
    {
        return None;
    }
    let value = finite(units.iter().map(|unit| unit.numerator).sum::<f64>() / total)?;
    let mut variance = 0.0;
    for unit in units {
        let residual = (unit.numerator - value * unit.denominator) / total;
        let rest = 1.0 - unit.denominator / total;
        variance += residual
            * residual
            * match leverage {
                Leverage::Hc1 => count / (count - 1.0),
                Leverage::Hc2 => rest.recip(),
                Leverage::Hc3 => (rest * rest).recip(),
            };
    }
    let effective = moments::effective_units(units.iter().map(|unit| unit.denominator));
    Estimate::new(value, variance, effective - 1.0)
}

/// Fieller's interval of the relative uplift `treatment/control − 1` for independent estimates, where `critical` is the
/// multiplier of the standard error (a t or z quantile, or [`super::sequence::Sequence::critical`]).
///
/// The set of ρ with (m₁ − ρ m₀)² ≤ c² (v₁ + ρ² v₀) is bounded only if m₀² > c² v₀; `None` otherwise, when the control
/// cannot be told from zero. For a negative control the uplift is relative to its size: (m₁ − m₀)/|m₀|.
#[must_use]
pub fn relative_uplift(
    treatment: &Estimate,
    control: &Estimate,
    critical: f64,
) -> Option<Interval> {
    // In units of the control, so that squares neither overflow nor vanish.
    let base = control.value.abs();
    if base <= 0.0 || !critical.is_finite() {
        return None;
    }
    let sign = control.value.signum();
    let mean = sign * treatment.value / base;
    let spread = |estimate: &Estimate| (critical * estimate.standard_error() / base).powi(2);
    let (above, below) = (spread(treatment), spread(control));
    let bounded = 1.0 - below;
    if bounded <= 0.0 {
        return None;
    }
    let root = (above * bounded + mean * mean * below).max(0.0).sqrt();
    let (low, high) = ((mean - root) / bounded, (mean + root) / bounded);
    if sign > 0.0 {
        Interval::new(low - 1.0, high - 1.0)
    } else {
        Interval::new(1.0 - high, 1.0 - low)
    }
}

/// The point estimate that belongs to [`relative_uplift`]: (treatment − control)/|control|; `None` for a control of zero.
#[must_use]
pub fn relative_difference(treatment: f64, control: f64) -> Option<f64> {
    finite((treatment - control) / control.abs())
}
