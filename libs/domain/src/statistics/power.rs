//! How large an experiment must be, and what a given one can detect. Two-sided, equal arms, normal approximation.
//!
//! Source: J. L. Fleiss, B. Levin and M. C. Paik (2003), *Statistical Methods for Rates and Proportions*, section 4.2, without
//! continuity correction. With δ the difference and v₁, v₀ the variances of a unit, units per arm are
//! n = (z_{α/2} + z_β)² (v₁ + v₀)/δ², which is statsmodels `NormalIndPower().solve_power` for the effect size
//! δ/√((v₁ + v₀)/2) (its chance of a significant result of the wrong sign, which it adds, is left out here; below 10⁻⁶ at
//! any power from .6).

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
    let quantiles = quantile_sum(alpha, power)?;
    let variance = variances.0 + variances.1;
    if variance.is_nan() || variance < 0.0 {
        return None;
    }
    finite((quantiles * variance.sqrt() / difference).powi(2))
}

/// Least difference of two means that `units` per arm detect with this `power`.
#[must_use]
pub fn detectable_difference_of_means(
    units: f64,
    variances: (f64, f64),
    alpha: f64,
    power: f64,
) -> Option<f64> {
    let quantiles = quantile_sum(alpha, power)?;
    let variance = variances.0 + variances.1;
    if variance.is_nan() || variance < 0.0 || units <= 0.0 {
        return None;
    }
    finite(quantiles * (variance / units).sqrt())
}

/// Power of the two-sided test of level `alpha` with `units` per arm, the wrong sign left out.
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
        .map(|distance| normal_cdf(distance - normal_upper_quantile(alpha / 2.0)))
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
    quantile_sum(alpha, power)?;
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
    finite((critical + normal_upper_quantile(1.0 - power)) * (variance / units).sqrt())
}

fn quantile_sum(alpha: f64, power: f64) -> Option<f64> {
    let sum = normal_upper_quantile(alpha / 2.0) + normal_upper_quantile(1.0 - power);
    (is_level(alpha) && is_level(power) && sum > 0.0).then_some(sum)
}

fn bernoulli_variance(proportion: f64) -> Option<f64> {
    (0.0..=1.0)
        .contains(&proportion)
        .then_some(proportion * (1.0 - proportion))
}
