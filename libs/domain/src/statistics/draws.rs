//! Stratified draws from posteriors by a table of their quantiles.
//!
//! Latin hypercube sampling (M. D. McKay, R. J. Beckman and W. J. Conover 1979, Technometrics 21, section 2.3): each arm has
//! one draw in each of n equally probable strata, in a random order of its own, so that no arm's own spread adds noise.
//! The quantiles are tabulated once per posterior, in a coordinate in which the density falls off at least exponentially
//! and the trapezoid rule converges fast: the logit for Beta, the inverse hyperbolic sine for Student.

use super::bayes::Posterior;
use super::seeds::Seeded;

/// Nodes of a table.
const NODES: usize = 512;

/// Log density below the mode at which a tail is cut off: e⁻⁴⁰ is below the spacing of doubles.
const DEPTH: f64 = 40.0;

/// Density and distribution function of one posterior at equally spaced nodes of its coordinate.
pub(crate) struct Table {
    start: f64,
    step: f64,
    /// Normalised to a sum of 1 / `step`.
    density: Vec<f64>,
    /// From 0 to 1.
    cumulative: Vec<f64>,
}

impl Table {
    pub(crate) fn new(posterior: &Posterior) -> Self {
        let log_density = |s: f64| log_density(posterior, s);
        let mode = mode(posterior);
        let top = log_density(mode);
        let edge = |sign: f64| {
            let inside = |distance: f64| log_density(mode + sign * distance) > top - DEPTH;
            let mut distance = 1e-6;
            while inside(distance) && distance < 1e6 {
                distance *= 2.0;
            }
            super::distributions::bisect(distance / 2.0, distance, |at| !inside(at))
        };
        let (start, end) = (mode - edge(-1.0), mode + edge(1.0));
        let step = (end - start) / (NODES - 1) as f64;
        let mut density: Vec<f64> = (0..NODES)
            .map(|node| (log_density(start + step * node as f64) - top).exp())
            .collect();
        let total = density.iter().sum::<f64>() * step;
        density.iter_mut().for_each(|value| *value /= total);
        let cumulative = integrate(&density, step);
        Self {
            start,
            step,
            density,
            cumulative,
        }
    }

    /// Σ density · `value` at the nodes: the mean of `value` over the posterior, accurate to about 10⁻¹².
    pub(crate) fn mean_of(&self, posterior: &Posterior, value: impl Fn(f64) -> f64) -> f64 {
        let node = |index: usize| posterior.at_coordinate(self.start + self.step * index as f64);
        self.density
            .iter()
            .enumerate()
            .map(|(index, density)| density * value(node(index)))
            .sum::<f64>()
            * self.step
    }

    /// `draws` stratified draws in random order.
    pub(crate) fn draw(
        &self,
        posterior: &Posterior,
        draws: usize,
        seeded: &mut Seeded,
    ) -> Vec<f64> {
        let mut cell = 0;
        let mut values: Vec<f64> = (0..draws)
            .map(|stratum| {
                let probability = (stratum as f64 + seeded.uniform()) / draws as f64;
                while cell + 2 < NODES && self.cumulative[cell + 1] < probability {
                    cell += 1;
                }
                let (low, high) = (self.cumulative[cell], self.cumulative[cell + 1]);
                let share = if high > low {
                    ((probability - low) / (high - low)).clamp(0.0, 1.0)
                } else {
                    0.5
                };
                posterior.at_coordinate(self.start + self.step * (cell as f64 + share))
            })
            .collect();
        seeded.shuffle(&mut values);
        values
    }
}

/// Log density of the coordinate, up to a constant.
fn log_density(posterior: &Posterior, s: f64) -> f64 {
    match *posterior {
        Posterior::Beta { a, b } => -a * softplus(-s) - b * softplus(s),
        Posterior::Student {
            degrees_of_freedom, ..
        } => {
            // |s| stays small enough for the square of sinh to be finite: densities are cut off long before.
            let s = s.clamp(-300.0, 300.0);
            let square = s.sinh().powi(2);
            let kernel = if degrees_of_freedom.is_infinite() {
                square
            } else {
                (degrees_of_freedom + 1.0) * (square / degrees_of_freedom).ln_1p()
            };
            s.cosh().ln() - 0.5 * kernel
        }
    }
}

fn mode(posterior: &Posterior) -> f64 {
    match *posterior {
        Posterior::Beta { a, b } => (a / b).ln(),
        Posterior::Student { .. } => 0.0,
    }
}

/// ln(1 + eˢ) without overflow.
fn softplus(s: f64) -> f64 {
    s.max(0.0) + (-s.abs()).exp().ln_1p()
}

/// Running integral by the cubic through four nodes, error of order step⁵ a cell; rises from 0 to 1.
fn integrate(density: &[f64], step: f64) -> Vec<f64> {
    let at = |index: usize, shift: isize| {
        index
            .checked_add_signed(shift)
            .and_then(|index| density.get(index))
            .copied()
            .unwrap_or(0.0)
    };
    let mut sum = 0.0;
    let mut cumulative = vec![0.0];
    for cell in 0..density.len().saturating_sub(1) {
        let area = 13.0 * (at(cell, 0) + at(cell, 1)) - at(cell, -1) - at(cell, 2);
        sum += (area * step / 24.0).max(0.0);
        cumulative.push(sum);
    }
    cumulative.iter_mut().for_each(|value| *value /= sum);
    cumulative
}
