//! Weights by Thompson sampling, with a floor.
//!
//! Source: W. R. Thompson (1933), Biometrika 25; as randomised probability matching S. L. Scott (2010), "A modern Bayesian
//! look at the multi-armed bandit", Applied Stochastic Models in Business and Industry 26, section 3.1: an arm's probability
//! is its P(best). The floor keeps every arm's assignment probability away from zero, which inference needs (see
//! [`super::aipw`]). Rounding by largest remainder (A. Hamilton).

use super::Direction;
use super::assign::BASIS_POINTS;
use super::bayes::{Posterior, compare};

/// Weights in basis points that sum to 10,000, each at least `floor` (at most an equal share each).
///
/// The weight is floor + (1 − K·floor)·P(best). A pure function of its arguments; `None` without arms or draws.
#[must_use]
pub fn thompson_weights(
    posteriors: &[Posterior],
    direction: Direction,
    floor: u32,
    draws: usize,
    seed: u64,
) -> Option<Vec<u32>> {
    let comparison = compare(posteriors, direction, draws, seed)?;
    let best: Vec<f64> = comparison
        .arms
        .iter()
        .map(|arm| arm.probability_best)
        .collect();
    apportion(&best, floor)
}

/// Turns shares (not negative, in any unit) into basis points with a floor; equal shares where they sum to nothing usable.
#[must_use]
pub fn apportion(shares: &[f64], floor: u32) -> Option<Vec<u32>> {
    let arms = u32::try_from(shares.len())
        .ok()
        .filter(|arms| (1..=BASIS_POINTS).contains(arms))?;
    let floor = floor.min(BASIS_POINTS / arms);
    let free = BASIS_POINTS - floor * arms;
    let usable: Vec<f64> = shares
        .iter()
        .map(|share| {
            if share.is_finite() {
                share.max(0.0)
            } else {
                0.0
            }
        })
        .collect();
    let largest = usable.iter().copied().fold(0.0, f64::max);
    let relative: Vec<f64> = usable
        .iter()
        .map(|share| if largest > 0.0 { share / largest } else { 1.0 })
        .collect();
    let sum: f64 = relative.iter().sum();
    let exact: Vec<f64> = relative
        .iter()
        .map(|share| share / sum * f64::from(free))
        .collect();
    let mut weights: Vec<u32> = exact
        .iter()
        .map(|part| floor + part.floor() as u32)
        .collect();
    let missing = BASIS_POINTS.saturating_sub(weights.iter().sum());
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|one, other| exact[*other].fract().total_cmp(&exact[*one].fract()));
    order
        .iter()
        .cycle()
        .take(missing as usize)
        .for_each(|arm| weights[*arm] += 1);
    Some(weights)
}
