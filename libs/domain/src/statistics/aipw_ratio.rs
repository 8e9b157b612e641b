//! Ratios of means under adaptive assignment.
//!
//! Numerator and denominator get the scores of [`super::aipw`] each; the ratio of their means has the delta method's variance
//! over the pairs of scores (A. Deng, U. Knoblich and J. Lu 2018, KDD, equation (2), applied to scores instead of units). The
//! effective units are (Σx/p)²/Σ(x/p)² with x the denominator.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::aipw::{AdaptiveUnit, Aipw, Score};
use super::moments::effective_units;
use super::ratio::RatioUnit;

/// Scores of a stream of units with a numerator and a denominator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AipwRatio {
    control: usize,
    numerators: Aipw,
    denominators: Aipw,
    scores: Vec<ScoredUnit>,
    /// Per arm: x/p of its own units.
    weights: Vec<Vec<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct ScoredUnit {
    arm: usize,
    numerator: Score,
    denominator: Score,
}

/// An arm's (y − R x)/x̄, which needs R and x̄ alone.
struct Linear {
    arm: usize,
    ratio: f64,
    below: f64,
}

impl Linear {
    fn of(&self, unit: &ScoredUnit) -> f64 {
        let own = f64::from(u8::from(unit.arm == self.arm));
        let score = |score: Score| score.baseline + own * score.residual;
        (score(unit.numerator) - self.ratio * score(unit.denominator)) / self.below
    }
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

    /// Takes in one unit; the first only starts the baselines. `None`, with nothing changed, for an unknown arm, a probability outside [10⁻⁹, 1], or values that
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
        let denominator = self.denominators.push(&outcome(unit.denominator))?;
        let numerator = self.numerators.push(&outcome(unit.numerator))?;
        if self.units() == 0 {
            return Some(());
        }
        self.scores.push(ScoredUnit {
            arm,
            numerator,
            denominator,
        });
        self.weights[arm].push(unit.denominator / probability);
        Some(())
    }

    /// Units scored, of all arms: all but the first.
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
        self.estimate(linear.ratio, |unit| linear.of(unit), self.degrees(arm)?)
    }

    /// Arm − control; in a sequence its units are [`Self::units`]. `None` for the control itself.
    #[must_use]
    pub fn difference(&self, arm: usize) -> Option<Estimate> {
        if arm == self.control {
            return None;
        }
        let (own, control) = (self.linear(arm)?, self.linear(self.control)?);
        let harmonic = 2.0 / (self.degrees(arm)?.recip() + self.degrees(self.control)?.recip());
        self.estimate(
            own.ratio - control.ratio,
            |unit| own.of(unit) - control.of(unit),
            harmonic,
        )
    }

    fn linear(&self, arm: usize) -> Option<Linear> {
        let (above, below) = (
            self.numerators.mean(arm)?.value,
            self.denominators.mean(arm)?.value,
        );
        (below > 0.0).then_some(Linear {
            arm,
            ratio: above / below,
            below,
        })
    }

    fn degrees(&self, arm: usize) -> Option<f64> {
        Some(self.effective_units(arm) - 1.0).filter(|degrees| *degrees >= 1.0)
    }

    /// The delta method: `linear` has mean 0 over the units.
    fn estimate(
        &self,
        value: f64,
        linear: impl Fn(&ScoredUnit) -> f64,
        degrees: f64,
    ) -> Option<Estimate> {
        let units = self.scores.len() as f64;
        let squares: f64 = self.scores.iter().map(|unit| linear(unit).powi(2)).sum();
        Estimate::new(value, squares / units / (units - 1.0).max(1.0), degrees)
    }
}
