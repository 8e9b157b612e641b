//! Less variance from what was known before assignment.
//!
//! Source: A. Deng, Y. Xu, R. Kohavi and T. Walker (2013), "Improving the sensitivity of online controlled experiments by
//! utilizing pre-experiment data", WSDM, equations (3) to (5), with several covariates as in their section 3.3. θ is pooled
//! over arms: the slopes of a regression with an intercept per arm (analysis of covariance), so that a difference between
//! arms does not leak into θ. Equal to statsmodels `OLS(y, [arm dummies, covariates])`.
//!
//! Covariates must have been fixed before assignment; nothing here can check that.

use serde::{Deserialize, Serialize};

use super::moments::Moments;

/// Share of a covariate's own variation below which it counts as a combination of those before it.
const COLLINEAR: f64 = 1e-9;

/// One unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CupedUnit {
    pub arm: usize,
    pub outcome: f64,
    /// As many for every unit.
    pub covariates: Vec<f64>,
}

/// Result of [`adjust`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cuped {
    /// Y − Σ θⱼ (Xⱼ − X̄ⱼ), in the order of the units, X̄ over all arms.
    pub adjusted: Vec<f64>,
    /// θ; 0 for a covariate that is constant or a combination of earlier ones.
    pub theta: Vec<f64>,
    /// 1 − (within-arm variance after)/(before), in [0, 1].
    pub variance_reduction: f64,
    /// How many θ were estimated: to be taken off the degrees of freedom.
    pub covariates_used: usize,
}

/// Adjusts outcomes. `None` without units, with unequal numbers of covariates, where values are not finite, or overflow.
#[must_use]
pub fn adjust(units: &[CupedUnit]) -> Option<Cuped> {
    let width = units.first()?.covariates.len();
    let finite = |unit: &CupedUnit| {
        unit.outcome.is_finite()
            && unit.covariates.len() == width
            && unit.covariates.iter().all(|x| x.is_finite())
    };
    if !units.iter().all(finite) {
        return None;
    }
    let columns: Vec<Vec<f64>> = (0..width)
        .map(|column| centred_by_arm(units, |unit| unit.covariates[column]))
        .collect();
    let outcomes = centred_by_arm(units, |unit| unit.outcome);
    let (theta, residuals) = regress(&columns, &outcomes);
    let centres: Vec<f64> = (0..width)
        .map(|column| {
            units
                .iter()
                .map(|unit| unit.covariates[column])
                .collect::<Moments>()
                .mean()
        })
        .collect::<Option<_>>()?;
    let adjusted: Vec<f64> = units
        .iter()
        .map(|unit| {
            let shift: f64 = theta
                .iter()
                .zip(&unit.covariates)
                .zip(&centres)
                .map(|((theta, x), centre)| theta * (x - centre))
                .sum();
            unit.outcome - shift
        })
        .collect();
    let (before, after) = (sum_of_squares(&outcomes), sum_of_squares(&residuals));
    let usable =
        before.is_finite() && after.is_finite() && adjusted.iter().all(|value| value.is_finite());
    usable.then(|| Cuped {
        covariates_used: theta.iter().filter(|theta| **theta != 0.0).count(),
        variance_reduction: if before > 0.0 {
            (1.0 - after / before).clamp(0.0, 1.0)
        } else {
            0.0
        },
        adjusted,
        theta,
    })
}

/// The values less their arm's mean.
fn centred_by_arm(units: &[CupedUnit], value: impl Fn(&CupedUnit) -> f64) -> Vec<f64> {
    let mut arms = std::collections::BTreeMap::<usize, Moments>::new();
    for unit in units {
        arms.entry(unit.arm).or_default().push(value(unit));
    }
    units
        .iter()
        .map(|unit| value(unit) - arms[&unit.arm].mean().unwrap_or(0.0))
        .collect()
}

/// Least squares by modified Gram-Schmidt: the coefficients and what is left of `outcomes`.
fn regress(columns: &[Vec<f64>], outcomes: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut basis: Vec<Option<Vec<f64>>> = Vec::with_capacity(columns.len());
    // upper[j][k]: how much of basis k is in column j.
    let mut upper = vec![vec![0.0; columns.len()]; columns.len()];
    let mut along = vec![0.0; columns.len()];
    let mut residuals = outcomes.to_vec();
    for (index, column) in columns.iter().enumerate() {
        let mut rest = column.clone();
        for (earlier, direction) in basis.iter().enumerate() {
            if let Some(direction) = direction {
                upper[index][earlier] = remove(&mut rest, direction);
            }
        }
        let (own, original) = (sum_of_squares(&rest).sqrt(), sum_of_squares(column).sqrt());
        let independent = own.is_finite() && own > COLLINEAR * original && own > 0.0;
        basis.push(independent.then(|| {
            rest.iter_mut().for_each(|value| *value /= own);
            upper[index][index] = own;
            along[index] = remove(&mut residuals, &rest);
            rest
        }));
    }
    let mut theta = vec![0.0; columns.len()];
    for index in (0..columns.len()).rev() {
        if basis[index].is_some() {
            let later: f64 = (index + 1..columns.len())
                .map(|column| theta[column] * upper[column][index])
                .sum();
            theta[index] = (along[index] - later) / upper[index][index];
        }
    }
    (theta, residuals)
}

/// Takes the part along a unit vector out of `vector` and says how much that was.
fn remove(vector: &mut [f64], direction: &[f64]) -> f64 {
    let along: f64 = vector
        .iter()
        .zip(direction)
        .map(|(one, other)| one * other)
        .sum();
    vector
        .iter_mut()
        .zip(direction)
        .for_each(|(value, unit)| *value -= along * unit);
    along
}

fn sum_of_squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}
