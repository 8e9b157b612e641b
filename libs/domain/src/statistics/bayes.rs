//! Posteriors and credible intervals; [`compare`] compares them.
//!
//! Sources: conjugate updates in A. Gelman et al. (2013), *Bayesian Data Analysis*, 3rd ed., sections 2.4 (Beta) and 3.3
//! (normal with unknown variance: the marginal posterior of the mean is Student's).
//!
//! No error rate is claimed for what is decided here.

use serde::{Deserialize, Serialize};

use super::distributions::{beta_cdf, beta_quantile, student_upper_quantile};
use super::draws::Table;
use super::moments::Moments;
use super::proportion::Proportion;
use super::{Interval, is_level};

pub use super::comparison::{ArmBelief, Comparison, DEFAULT_DRAWS, compare};

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
    /// `None` unless both are between ½ (Jeffreys' prior without data) and 10⁹: beyond that nothing here is accurate.
    #[must_use]
    pub fn beta(a: f64, b: f64) -> Option<Self> {
        let usable = |value: f64| (0.5..=1e9).contains(&value);
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
