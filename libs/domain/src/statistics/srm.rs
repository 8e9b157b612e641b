//! Sample-ratio mismatch, looked at as often as one likes.
//!
//! Source: M. Lindon and A. Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS 35, section 2: the
//! Bayes factor of a Dirichlet alternative against the intended probabilities θ is a test martingale, so that 1/BF is a
//! p-value at every look at once.
//!
//! Weights that change: the alternative is kept as a *tilt* of the intended probabilities. Before a batch with
//! probabilities θ, after counts S of which E were expected, its Dirichlet prior has weights proportional to
//! θₖ (κθ̄ₖ + Sₖ)/(κθ̄ₖ + Eₖ) and sum κ + n. That depends on the past alone, so the product over batches remains a test
//! martingale; with constant θ it is the source's Dirichlet(κθ) exactly.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::ln_gamma;

/// The level below which counts are taken for a fault of assignment, exposure or maturity.
pub const LEVEL: f64 = 0.001;

/// κ: how many units the alternative's prior weighs. Small ones find gross faults in few units, large ones subtle faults.
/// For two equal arms, 10 finds 80 : 20 in about 46 units and 52 : 48 in 12,000; 100 would take 85 and 10,000.
const PRIOR_UNITS: f64 = 10.0;

/// Keeps ln BF a number that JSON can hold.
const LARGEST_LOG: f64 = 1e300;

/// Running state of the test; serialisable, so that it can also be carried from look to look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    counts: Vec<f64>,
    expected: Vec<f64>,
    log_bayes_factor: f64,
    smallest_p: f64,
}

impl SampleRatio {
    #[must_use]
    pub fn new(arms: usize) -> Self {
        Self {
            counts: vec![0.0; arms],
            expected: vec![0.0; arms],
            log_bayes_factor: 0.0,
            smallest_p: 1.0,
        }
    }

    /// Takes in the counts of one batch (a weight epoch, or the part of one that is new since the last look) with the
    /// `weights` of that epoch, in any unit, and answers with the p-value. `None`, with nothing changed, where lengths
    /// differ from the number of arms or the weights are not a distribution.
    ///
    /// A unit in an arm of weight zero is proof: p = 0.
    pub fn observe(&mut self, weights: &[f64], counts: &[u64]) -> Option<f64> {
        let arms = self.counts.len();
        let total: f64 = weights.iter().sum();
        let usable =
            weights.iter().all(|weight| *weight >= 0.0) && total.is_finite() && total > 0.0;
        if weights.len() != arms || counts.len() != arms || !usable {
            return None;
        }
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        self.log_bayes_factor =
            (self.log_bayes_factor + self.log_factor(&probabilities, counts)).min(LARGEST_LOG);
        let batch: f64 = counts.iter().map(|count| *count as f64).sum();
        for arm in 0..arms {
            self.counts[arm] += counts[arm] as f64;
            self.expected[arm] += batch * probabilities[arm];
        }
        self.smallest_p = self.smallest_p.min((-self.log_bayes_factor).exp());
        Some(self.smallest_p)
    }

    /// The always-valid p-value: the least 1/BF so far.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        self.smallest_p
    }

    /// The Bayes factor of all batches so far, an e-value; capped at the largest double.
    #[must_use]
    pub fn bayes_factor(&self) -> f64 {
        self.log_bayes_factor.exp().min(f64::MAX)
    }

    /// Whether the counts contradict the weights at [`LEVEL`].
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        self.smallest_p < LEVEL
    }

    /// Observed units per arm.
    #[must_use]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Expected units per arm, summed over weight epochs.
    #[must_use]
    pub fn expected(&self) -> &[f64] {
        &self.expected
    }

    /// ln BF of one batch: Dirichlet-multinomial over multinomial, the coefficient cancels.
    fn log_factor(&self, probabilities: &[f64], counts: &[u64]) -> f64 {
        let tilted = self.tilted(probabilities);
        let units: f64 = self.counts.iter().sum();
        let scale = (PRIOR_UNITS + units) / tilted.iter().sum::<f64>();
        let batch: f64 = counts.iter().map(|count| *count as f64).sum();
        let mut log = ln_gamma(PRIOR_UNITS + units) - ln_gamma(PRIOR_UNITS + units + batch);
        for ((tilt, probability), count) in tilted.iter().zip(probabilities).zip(counts) {
            if *count == 0 {
                continue;
            }
            if *probability <= 0.0 {
                return LARGEST_LOG;
            }
            let (prior, count) = (tilt * scale, *count as f64);
            log += ln_gamma(prior + count) - ln_gamma(prior) - count * probability.ln();
        }
        log
    }

    /// θₖ (κθ̄ₖ + Sₖ)/(κθ̄ₖ + Eₖ), with θ̄ the mean probability so far, at the start that of the batch.
    fn tilted(&self, probabilities: &[f64]) -> Vec<f64> {
        let units: f64 = self.expected.iter().sum();
        (0..probabilities.len())
            .map(|arm| {
                let mean = if units > 0.0 {
                    self.expected[arm] / units
                } else {
                    probabilities[arm]
                };
                let prior = PRIOR_UNITS * mean;
                if prior > 0.0 {
                    probabilities[arm] * (prior + self.counts[arm]) / (prior + self.expected[arm])
                } else {
                    probabilities[arm]
                }
            })
            .collect()
    }
}
