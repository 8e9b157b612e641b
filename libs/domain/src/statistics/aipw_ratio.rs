//! Ratios of means under adaptive assignment.
//!
//! Numerator and denominator get the scores of [`super::aipw`] each; the ratio of their means has the delta method's variance
//! over the pairs of scores (A. Deng, U. Knoblich and J. Lu 2018, KDD, equation (2), applied to scores instead of units). The
//! effective units are (Σx/p)²/Σ(x/p)² with x the denominator.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::aipw::{AdaptiveUnit, Aipw};
use super::moments::effective_units;
use super::ratio::RatioUnit;

/// Scores of a stream of units with a numerator and a denominator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AipwRatio {
    control: usize,
    numerators: Aipw,
    denominators: Aipw,
    /// Per unit, per arm: the two scores.
    scores: Vec<Vec<RatioUnit>>,
    /// Per arm: x/p of its own units.
    weights: Vec<Vec<f64>>,
}

impl AipwRatio {
    /// `None` unless `control` is one of `arms`.
    #[must_use]
    pub fn new(arms: usize, control: usize) -> Option<Self> {
        Some(Self {
            control,
            numerators: Aipw::new(arms, control)?,
            denominators: Aipw::new(arms, control)?,
            scores: Vec::new(),
            weights: vec![Vec::new(); arms],
        })
    }

    /// Takes in one unit. `None`, with nothing changed, for an unknown arm, a probability outside [10⁻⁹, 1], or values that
    /// are not finite.
    pub fn push(&mut self, arm: usize, probability: f64, unit: RatioUnit) -> Option<()> {
        if !unit.numerator.is_finite() {
            return None;
        }
        let outcome = |outcome| AdaptiveUnit {
            arm,
            probability,
            outcome,
        };
        let below = self.denominators.push(&outcome(unit.denominator))?;
        let above = self.numerators.push(&outcome(unit.numerator))?;
        let pairs = above.into_iter().zip(below);
        self.scores.push(
            pairs
                .map(|(numerator, denominator)| RatioUnit {
                    numerator,
                    denominator,
                })
                .collect(),
        );
        self.weights[arm].push(unit.denominator / probability);
        Some(())
    }

    /// Units taken in, of all arms.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.numerators.units()
    }

    /// What a sequential verdict needs [`super::sequence::MINIMUM_EFFECTIVE_UNITS`] of.
    #[must_use]
    pub fn effective_units(&self, arm: usize) -> f64 {
        self.weights
            .get(arm)
            .map_or(0.0, |weights| effective_units(weights.iter().copied()))
    }

    /// The arm's ratio; `None` before it has two effective units, or for a mean denominator that is not positive.
    #[must_use]
    pub fn ratio(&self, arm: usize) -> Option<Estimate> {
        let linear = self.linear(arm)?;
        self.estimate(self.value(arm)?, linear.into_iter(), self.degrees(arm)?)
    }

    /// Arm − control; in a sequence its units are [`Self::units`]. `None` for the control itself.
    #[must_use]
    pub fn difference(&self, arm: usize) -> Option<Estimate> {
        if arm == self.control {
            return None;
        }
        let (own, control) = (self.linear(arm)?, self.linear(self.control)?);
        let harmonic = 2.0 / (self.degrees(arm)?.recip() + self.degrees(self.control)?.recip());
        let value = self.value(arm)? - self.value(self.control)?;
        self.estimate(
            value,
            own.into_iter()
                .zip(control)
                .map(|(own, control)| own - control),
            harmonic,
        )
    }

    /// Ȳ/X̄ of the scores.
    fn value(&self, arm: usize) -> Option<f64> {
        let below = self.denominators.mean(arm)?.value;
        (below > 0.0).then_some(self.numerators.mean(arm)?.value / below)
    }

    /// (y − R x)/x̄ of every unit's scores, whose mean is 0.
    fn linear(&self, arm: usize) -> Option<Vec<f64>> {
        let (value, below) = (self.value(arm)?, self.denominators.mean(arm)?.value);
        let linear = |scores: &Vec<RatioUnit>| {
            (scores[arm].numerator - value * scores[arm].denominator) / below
        };
        Some(self.scores.iter().map(linear).collect())
    }

    fn degrees(&self, arm: usize) -> Option<f64> {
        Some(self.effective_units(arm) - 1.0).filter(|degrees| *degrees >= 1.0)
    }

    fn estimate(
        &self,
        value: f64,
        linear: impl Iterator<Item = f64>,
        degrees: f64,
    ) -> Option<Estimate> {
        let units = self.scores.len() as f64;
        let squares: f64 = linear.map(|part| part * part).sum();
        Estimate::new(value, squares / units / (units - 1.0).max(1.0), degrees)
    }
}
