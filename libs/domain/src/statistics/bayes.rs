//! Posteriors, P(best), expected loss, credible intervals.
//!
//! Sources: conjugate updates in A. Gelman et al. (2013), *Bayesian Data Analysis*, 3rd ed., sections 2.4 (Beta) and 3.3
//! (normal with unknown variance: the marginal posterior of the mean is Student's); expected loss as C. Stucchi (2015),
//! "Bayesian A/B testing at VWO", section 4; value remaining as S. L. Scott (2015), "Multi-armed bandit experiments in the
//! online service economy", section 2.2.
//!
//! No error rate is claimed for what is decided here.

use serde::{Deserialize, Serialize};

use super::distributions::{beta_cdf, beta_quantile, student_upper_quantile};
use super::draws::Table;
use super::moments::Moments;
use super::proportion::Proportion;
use super::seeds::Seeded;
use super::{Direction, Interval, is_level};

/// Draws that [`compare`] is meant to be called with: P(best) is then within ±.01.
pub const DEFAULT_DRAWS: usize = 4096;

/// Beta prior of a proportion; the default is uniform, Beta(1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BetaPrior {
    pub a: f64,
    pub b: f64,
}

impl Default for BetaPrior {
    fn default() -> Self {
        Self { a: 1.0, b: 1.0 }
    }
}

impl BetaPrior {
    /// `None` for more successes than trials or a prior that is not positive and finite.
    #[must_use]
    pub fn posterior(&self, data: Proportion) -> Option<Posterior> {
        let failures = data.trials.checked_sub(data.successes)?;
        Posterior::beta(self.a + data.successes as f64, self.b + failures as f64)
    }
}

/// Normal-inverse-gamma prior of a mean μ and a variance σ² of a unit: μ | σ² ~ N(`mean`, σ²/`strength`), σ² ~
/// InverseGamma(`shape`, `rate`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanPrior {
    pub mean: f64,
    /// κ₀, in units.
    pub strength: f64,
    /// α₀; the prior of μ has 2α₀ degrees of freedom.
    pub shape: f64,
    /// β₀, squared units of the metric.
    pub rate: f64,
}

impl MeanPrior {
    /// The stated default: worth one unit, centred on `mean` with a unit's standard deviation `sd`, both from the persona's
    /// history (without history: from all arms pooled). α₀ = 3/2 (three degrees of freedom, the least with a variance) and
    /// β₀ = sd²/2, so that E σ² = sd².
    #[must_use]
    pub fn weak(mean: f64, sd: f64) -> Self {
        Self {
            mean,
            strength: 1.0,
            shape: 1.5,
            rate: 0.5 * sd * sd,
        }
    }

    /// The marginal posterior of μ. With no units that is the prior; `None` where something overflows or the prior is not
    /// proper.
    #[must_use]
    pub fn posterior(&self, data: &Moments) -> Option<Posterior> {
        let proper = self.strength > 0.0 && self.shape > 0.0 && self.rate >= 0.0;
        if !proper {
            return None;
        }
        let units = data.count() as f64;
        let mean = if data.count() == 0 {
            self.mean
        } else {
            data.mean()?
        };
        let squares = if data.count() < 2 {
            0.0
        } else {
            data.variance()? * (units - 1.0)
        };
        let strength = self.strength + units;
        let shape = self.shape + units / 2.0;
        let shift = mean - self.mean;
        let rate =
            self.rate + 0.5 * squares + 0.5 * shift * shift * (self.strength * units / strength);
        Posterior::student(
            self.mean + shift * (units / strength),
            (rate / (shape * strength)).sqrt(),
            2.0 * shape,
        )
    }
}

/// Posterior of one arm's proportion or mean. Made by the priors, or by [`Posterior::beta`] and [`Posterior::student`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Posterior {
    Beta {
        a: f64,
        b: f64,
    },
    /// `scale` may be 0: all mass at `location`.
    Student {
        location: f64,
        scale: f64,
        degrees_of_freedom: f64,
    },
}

impl Posterior {
    /// `None` unless both are positive and finite.
    #[must_use]
    pub fn beta(a: f64, b: f64) -> Option<Self> {
        let usable = |value: f64| value.is_finite() && value > 1e-3;
        (usable(a) && usable(b)).then_some(Self::Beta { a, b })
    }

    /// `None` unless location and scale are finite, scale ≥ 0 and degrees of freedom ≥ 1 (infinite: normal).
    #[must_use]
    pub fn student(location: f64, scale: f64, degrees_of_freedom: f64) -> Option<Self> {
        let usable =
            location.is_finite() && scale.is_finite() && scale >= 0.0 && degrees_of_freedom >= 1.0;
        usable.then_some(Self::Student {
            location,
            scale,
            degrees_of_freedom,
        })
    }

    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Beta { a, b } => a / (a + b),
            Self::Student { location, .. } => location,
        }
    }

    /// Equal-tailed interval with posterior probability 1 − `alpha`.
    #[must_use]
    pub fn credible_interval(&self, alpha: f64) -> Option<Interval> {
        if !is_level(alpha) {
            return None;
        }
        match *self {
            Self::Beta { a, b } => Interval::new(
                beta_quantile(alpha / 2.0, a, b),
                1.0 - beta_quantile(alpha / 2.0, b, a),
            ),
            Self::Student {
                location,
                scale,
                degrees_of_freedom,
            } => {
                let half = scale * student_upper_quantile(alpha / 2.0, degrees_of_freedom);
                Interval::new(location - half, location + half)
            }
        }
    }

    /// The value at a coordinate of [`super::draws`].
    pub(crate) fn at_coordinate(&self, s: f64) -> f64 {
        match *self {
            Self::Beta { .. } => (1.0 + (-s).exp()).recip(),
            Self::Student {
                location, scale, ..
            } => (location + scale * s.sinh()).clamp(-f64::MAX / 4.0, f64::MAX / 4.0),
        }
    }
}

/// P(θ₁ > θ₂) of two independent Betas by quadrature, to about 10⁻¹⁰.
///
/// ∫ f₁(θ) I_θ(a₂, b₂) dθ by the trapezoid rule in the logit of θ; J. Cook (2005), "Exact calculation of beta inequalities",
/// gives the integral.
#[must_use]
pub fn probability_greater(first: (f64, f64), second: (f64, f64)) -> Option<f64> {
    let (one, _) = (
        Posterior::beta(first.0, first.1)?,
        Posterior::beta(second.0, second.1)?,
    );
    let probability = Table::new(&one).mean_of(&one, |theta| beta_cdf(theta, second.0, second.1));
    super::finite(probability).map(|probability| probability.clamp(0.0, 1.0))
}

/// What is believed of one arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ArmBelief {
    /// P(this arm is the best); sums to 1 over arms.
    pub probability_best: f64,
    /// E[best − this arm] ≥ 0 in units of the metric: what choosing this arm costs on average.
    pub expected_loss: f64,
}

/// Result of [`compare`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub arms: Vec<ArmBelief>,
    /// The arm with the highest P(best); the first of equals.
    pub leader: usize,
    /// 95th percentile of (best − leader)/|leader|: what another arm may still have over the leader, relative.
    pub value_remaining: f64,
}

/// Compares arms by `draws` joint draws (see [`super::draws`]), a pure function of its arguments.
///
/// `None` without arms or draws.
#[must_use]
pub fn compare(
    posteriors: &[Posterior],
    direction: Direction,
    draws: usize,
    seed: u64,
) -> Option<Comparison> {
    if posteriors.is_empty() || draws == 0 {
        return None;
    }
    let values = joint_draws(posteriors, direction, draws, seed);
    let mut arms = vec![
        ArmBelief {
            probability_best: 0.0,
            expected_loss: 0.0
        };
        posteriors.len()
    ];
    let weight = (draws as f64).recip();
    for draw in 0..draws {
        let best = values
            .iter()
            .map(|arm| arm[draw])
            .fold(f64::NEG_INFINITY, f64::max);
        let winners = values.iter().filter(|arm| arm[draw] >= best).count() as f64;
        for (belief, arm) in arms.iter_mut().zip(&values) {
            belief.expected_loss += (best - arm[draw]) * weight;
            if arm[draw] >= best {
                belief.probability_best += weight / winners;
            }
        }
    }
    let leader = (1..arms.len()).fold(0, |leader, arm| {
        if arms[arm].probability_best > arms[leader].probability_best {
            arm
        } else {
            leader
        }
    });
    Some(Comparison {
        value_remaining: value_remaining(&values, leader),
        arms,
        leader,
    })
}

/// Draws per arm, turned so that larger is better.
fn joint_draws(
    posteriors: &[Posterior],
    direction: Direction,
    draws: usize,
    seed: u64,
) -> Vec<Vec<f64>> {
    let mut seeded = Seeded::from_u64(seed);
    posteriors
        .iter()
        .map(|posterior| {
            let mut values = Table::new(posterior).draw(posterior, draws, &mut seeded);
            values
                .iter_mut()
                .for_each(|value| *value *= direction.sign());
            values
        })
        .collect()
}

fn value_remaining(values: &[Vec<f64>], leader: usize) -> f64 {
    let draws = values[leader].len();
    let mut remaining: Vec<f64> = (0..draws)
        .map(|draw| {
            let best = values
                .iter()
                .map(|arm| arm[draw])
                .fold(f64::NEG_INFINITY, f64::max);
            let gain = best - values[leader][draw];
            if gain > 0.0 {
                (gain / values[leader][draw].abs()).min(f64::MAX)
            } else {
                0.0
            }
        })
        .collect();
    let rank = (draws * 95).div_ceil(100).clamp(1, draws) - 1;
    *remaining.select_nth_unstable_by(rank, f64::total_cmp).1
}
