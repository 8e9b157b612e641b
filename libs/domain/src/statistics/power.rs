//! How large an experiment must be, and what a given one can detect. Two-sided, equal arms, normal approximation.
//!
//! Source: J. L. Fleiss, B. Levin and M. C. Paik (2003), *Statistical Methods for Rates and Proportions*, section 4.2, without
//! continuity correction. With δ the difference, v₁ and v₀ the variances of a unit and n units per arm, the test has power
//! Φ(d − z) + Φ(−d − z) at d = δ √(n/(v₁ + v₀)), z = z_{α/2}. That is statsmodels `NormalIndPower().solve_power` for the
//! effect size δ/√((v₁ + v₀)/2).

use super::distributions::{bisect, normal_cdf, normal_upper_quantile};
use super::sequence::Sequence;
use super::{finite, is_level};

/// Units per arm (not rounded) to detect a difference of two means with this `power`.
#[must_use]
pub fn units_for_means(
    difference: f64,
    variances: (f64, f64),
    alpha: f64,
    power: f64,
) -> Option<f64> {
    let distance = noncentrality(alpha, power)?;
    let variance = variances.0 + variances.1;
    if variance.is_nan() || variance < 0.0 {
        return None;
    }
    finite((distance * variance.sqrt() / difference).powi(2))
}

/// Least difference of two means that `units` per arm detect with this `power`.
#[must_use]
pub fn detectable_difference_of_means(
    units: f64,
    variances: (f64, f64),
    alpha: f64,
    power: f64,
) -> Option<f64> {
    let distance = noncentrality(alpha, power)?;
    let variance = variances.0 + variances.1;
    if variance.is_nan() || variance < 0.0 || units <= 0.0 {
        return None;
    }
    finite(distance * (variance / units).sqrt())
}

/// Power of the two-sided test of level `alpha` with `units` per arm.
#[must_use]
pub fn power_of_means(
    difference: f64,
    units: f64,
    variances: (f64, f64),
    alpha: f64,
) -> Option<f64> {
    let standard_error = ((variances.0 + variances.1) / units).sqrt();
    if !is_level(alpha) || standard_error.is_nan() || standard_error <= 0.0 {
        return None;
    }
    finite(difference.abs() / standard_error)
        .map(|distance| two_sided_power(distance, alpha).min(1.0))
}

/// Units per arm (not rounded) to tell proportion `treatment` from `control`: v = p(1 − p) each. 4 % against 5 % at
/// power .95 gives 11,163.
#[must_use]
pub fn units_for_proportions(treatment: f64, control: f64, alpha: f64, power: f64) -> Option<f64> {
    let variances = (bernoulli_variance(treatment)?, bernoulli_variance(control)?);
    units_for_means(treatment - control, variances, alpha, power)
}

/// Least rise over `control` that `units` per arm detect; `None` where even a rise to 1 is not enough.
#[must_use]
pub fn detectable_rise_of_proportion(
    control: f64,
    units: f64,
    alpha: f64,
    power: f64,
) -> Option<f64> {
    noncentrality(alpha, power)?;
    bernoulli_variance(control)?;
    let enough = |rise: f64| {
        units_for_proportions((control + rise).min(1.0), control, alpha, power)
            .is_some_and(|needed| needed <= units)
    };
    let largest = 1.0 - control;
    enough(largest).then(|| bisect(0.0, largest, enough))
}

/// Least difference that the sequence's interval excludes zero for with this `power` at the look with `units` (of the
/// pair, see [`super::sequence::units_of_pair`]) alone, `variance` being that of a unit: (c + z_β)·√(variance/units).
#[must_use]
pub fn detectable_difference_of_sequence(
    sequence: &Sequence,
    units: f64,
    variance: f64,
    power: f64,
) -> Option<f64> {
    if !is_level(power) || variance.is_nan() || variance < 0.0 {
        return None;
    }
    let critical = sequence.critical(units, f64::INFINITY)?;
    finite((critical + normal_upper_quantile(1.0 - power)).max(0.0) * (variance / units).sqrt())
}

/// The d at which the two-sided test has this power; `None` unless alpha < power < 1.
fn noncentrality(alpha: f64, power: f64) -> Option<f64> {
    if !is_level(alpha) || !is_level(power) || power <= alpha {
        return None;
    }
    Some(bisect(0.0, 80.0, |distance| {
        two_sided_power(distance, alpha) >= power
    }))
}

fn two_sided_power(distance: f64, alpha: f64) -> f64 {
    let critical = normal_upper_quantile(alpha / 2.0);
    normal_cdf(distance - critical) + normal_cdf(-distance - critical)
}

fn bernoulli_variance(proportion: f64) -> Option<f64> {
    (0.0..=1.0)
        .contains(&proportion)
        .then_some(proportion * (1.0 - proportion))
}
