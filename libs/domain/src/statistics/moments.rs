//! Mean, variance and covariance in one pass, mergeable.
//!
//! Source: B. P. Welford (1962), "Note on a method for calculating corrected sums of squares and products", Technometrics
//! 4(3), equations (I) and (II); merging by T. F. Chan, G. H. Golub and R. J. LeVeque (1979), "Updating formulae and a
//! pairwise algorithm for computing sample variances", equation (1.5). The effective number of units is L. Kish (1965),
//! *Survey Sampling*, section 11.7.

use serde::{Deserialize, Serialize};

use super::{Estimate, finite};

/// Count, mean and sum of squared deviations of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let from_old = value - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (value - self.mean);
    }

    /// The moments of both streams together.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { *other } else { *self };
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        let share = other.count as f64 / count as f64;
        Self {
            count,
            mean: self.mean + delta * share,
            squares: self.squares + other.squares + delta * delta * share * self.count as f64,
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// `None` without values, or where their sum overflowed.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean).and_then(finite)
    }

    /// Unbiased sample variance (n − 1 below); `None` for fewer than two values or an overflow.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1)
            .then(|| self.squares.max(0.0) / (self.count - 1) as f64)
            .and_then(finite)
            // `max` turns a NaN into 0: an overflow shows in the mean first.
            .filter(|_| self.mean.is_finite() && !self.squares.is_nan())
    }

    /// Σ (value − mean)², possibly not finite.
    pub(crate) fn squares(&self) -> f64 {
        self.squares
    }

    /// The mean, 0 without values.
    pub(crate) fn mean_or_zero(&self) -> f64 {
        self.mean
    }

    /// The mean with its variance s²/n and n − 1 degrees of freedom; `None` for fewer than two values.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let variance = self.variance()?;
        Estimate::new(
            self.mean()?,
            variance / self.count as f64,
            (self.count - 1) as f64,
        )
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::new();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

/// Moments of pairs (x, y).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Comoments {
    x: Moments,
    y: Moments,
    products: f64,
}

impl Comoments {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, x: f64, y: f64) {
        let from_old_x = x - self.x.mean;
        self.x.push(x);
        self.y.push(y);
        self.products += from_old_x * (y - self.y.mean);
    }

    /// The moments of both streams of pairs together.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let (mine, theirs) = (self.x.count as f64, other.x.count as f64);
        let between = if self.x.count == 0 || other.x.count == 0 {
            0.0
        } else {
            (other.x.mean - self.x.mean)
                * (other.y.mean - self.y.mean)
                * mine
                * (theirs / (mine + theirs))
        };
        Self {
            x: self.x.merge(&other.x),
            y: self.y.merge(&other.y),
            products: self.products + other.products + between,
        }
    }

    #[must_use]
    pub fn x(&self) -> &Moments {
        &self.x
    }

    #[must_use]
    pub fn y(&self) -> &Moments {
        &self.y
    }

    /// Σ (x − mean x)(y − mean y), possibly not finite.
    pub(crate) fn products(&self) -> f64 {
        self.products
    }

    /// Unbiased sample covariance; `None` for fewer than two pairs or an overflow.
    #[must_use]
    pub fn covariance(&self) -> Option<f64> {
        (self.x.count > 1)
            .then(|| self.products / (self.x.count - 1) as f64)
            .and_then(finite)
    }
}

/// (Σx)² / Σx²: how many equal units carry as much information as these; 0 for none or for all zero.
///
/// The weights are taken relative to the largest, so that no finite weight overflows. Negative weights count by size.
#[must_use]
pub fn effective_units<I>(weights: I) -> f64
where
    I: IntoIterator<Item = f64>,
    I::IntoIter: Clone,
{
    let weights = weights
        .into_iter()
        .map(f64::abs)
        .filter(|weight| weight.is_finite());
    let largest = weights.clone().fold(0.0, f64::max);
    if largest <= 0.0 {
        return 0.0;
    }
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), weight| {
        let relative = weight / largest;
        (sum + relative, squares + relative * relative)
    });
    sum * sum / squares
}
