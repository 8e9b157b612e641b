//! Means under adaptive assignment, from the recorded probabilities.
//!
//! Sources: V. Hadad, D. A. Hirshberg, R. Zhan, S. Wager and S. Athey (2021), "Confidence intervals for policy evaluation in
//! adaptive experiments", PNAS 118, equation (5); A. Bibaut et al. (2021), "Post-contextual-bandit inference", NeurIPS 34;
//! D. W. Ham, I. Bojinov, M. Lindon and M. Tingley (2023), "Design-based confidence sequences", for the use of such scores
//! in an asymptotic confidence sequence. The score of arm a for unit i is
//!
//! ```text
//! φᵢ(a) = mᵢ(a) + 1[Aᵢ = a] / pᵢ(a) · (Yᵢ − mᵢ(a))
//! ```
//!
//! with the *predictable* baseline mᵢ(a), the running mean of arm a over units before i. Whatever the baseline,
//! E[φᵢ(a) | past] is arm a's mean for unit i, so differences of scores are martingale differences about the true
//! difference, under trends too, where pooled arm means are wrong. Units come in the order in which they matured.
//!
//! The alternative, [`stratified_difference`], compares arms within weight epochs, where probabilities are constant.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::moments::Moments;

/// One matured unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveUnit {
    pub arm: usize,
    /// Probability with which `arm` was assigned, in (0, 1].
    pub probability: f64,
    pub outcome: f64,
}

/// Scores of a stream of units: means per arm and differences to control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aipw {
    control: usize,
    /// Plain running means per arm: the baselines.
    observed: Vec<Moments>,
    all: Moments,
    scores: Vec<Moments>,
    differences: Vec<Moments>,
}

impl Aipw {
    /// `None` unless `control` is one of `arms`.
    #[must_use]
    pub fn new(arms: usize, control: usize) -> Option<Self> {
        (control < arms).then(|| Self {
            control,
            observed: vec![Moments::new(); arms],
            all: Moments::new(),
            scores: vec![Moments::new(); arms],
            differences: vec![Moments::new(); arms],
        })
    }

    /// Takes in one unit and gives its scores, one per arm. `None`, with nothing changed, for an unknown arm, a probability
    /// outside (0, 1] or an outcome that is not finite.
    pub fn push(&mut self, unit: &AdaptiveUnit) -> Option<Vec<f64>> {
        let usable = unit.probability > 0.0 && unit.probability <= 1.0 && unit.outcome.is_finite();
        if unit.arm >= self.observed.len() || !usable {
            return None;
        }
        let mut scores: Vec<f64> = (0..self.observed.len())
            .map(|arm| self.baseline(arm))
            .collect();
        scores[unit.arm] += (unit.outcome - scores[unit.arm]) / unit.probability;
        for (arm, score) in scores.iter().enumerate() {
            self.scores[arm].push(*score);
            self.differences[arm].push(score - scores[self.control]);
        }
        self.observed[unit.arm].push(unit.outcome);
        self.all.push(unit.outcome);
        Some(scores)
    }

    /// Units taken in.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.all.count()
    }

    /// Outcomes of an arm as observed, unweighted: for display, never for inference.
    #[must_use]
    pub fn observed(&self, arm: usize) -> Option<&Moments> {
        self.observed.get(arm)
    }

    /// The arm's mean over all units so far.
    #[must_use]
    pub fn mean(&self, arm: usize) -> Option<Estimate> {
        self.scores.get(arm)?.estimate()
    }

    /// Arm − control; feed it to [`super::sequence::Sequence`] with the number of units that both arms had.
    #[must_use]
    pub fn difference(&self, arm: usize) -> Option<Estimate> {
        self.differences.get(arm)?.estimate()
    }

    /// The arm's running mean; before its first unit that of all arms, before any unit 0.
    fn baseline(&self, arm: usize) -> f64 {
        self.observed[arm]
            .mean()
            .or_else(|| self.all.mean())
            .unwrap_or(0.0)
    }
}

/// One weight epoch of two arms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    pub treatment: Moments,
    pub control: Moments,
}

/// Arm − control within epochs, averaged with the epochs' numbers of units in both arms.
///
/// Source: W. G. Cochran (1977), *Sampling Techniques*, section 5.4, post-stratification by epoch. Epochs with fewer than two
/// units in either arm have no variance and are left out. `None` where none is left.
#[must_use]
pub fn stratified_difference(strata: &[Stratum]) -> Option<Estimate> {
    let usable: Vec<(f64, Estimate)> = strata
        .iter()
        .filter_map(|stratum| {
            let difference = stratum
                .treatment
                .estimate()?
                .minus(&stratum.control.estimate()?)?;
            Some((
                (stratum.treatment.count() + stratum.control.count()) as f64,
                difference,
            ))
        })
        .collect();
    let units: f64 = usable.iter().map(|(units, _)| units).sum();
    let value = usable
        .iter()
        .map(|(weight, part)| weight / units * part.value)
        .sum();
    let parts = || {
        usable
            .iter()
            .map(|(weight, part)| ((weight / units).powi(2) * part.variance, part))
    };
    let variance: f64 = parts().map(|(part, _)| part).sum();
    let degrees_of_freedom = if variance > 0.0 {
        parts()
            .map(|(part, stratum)| (part / variance).powi(2) / stratum.degrees_of_freedom)
            .sum::<f64>()
            .recip()
    } else {
        f64::INFINITY
    };
    Estimate::new(value, variance, degrees_of_freedom)
}
