//! Deterministic randomness: a generator that is a pure function of what was counted.
//!
//! ChaCha with 8 rounds (D. J. Bernstein 2008), keyed by a SHA-256 digest, so the same inputs give the same draws in every
//! process, on every platform. Variates are drawn by `rand_distr`: normal by the ziggurat of G. Marsaglia and W. W. Tsang
//! (2000), gamma by their squeeze (2000), beta by R. C. H. Cheng (1978), binomial by V.
//! Kachitvichyanukul and B. W. Schmeiser (1988).

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Beta, Binomial, Distribution, Gamma, StandardNormal};
use sha2::{Digest, Sha256};

/// A stream of deterministic draws.
#[derive(Debug)]
pub struct Seeded(ChaCha8Rng);

impl Seeded {
    /// The stream of a number; streams of different numbers are unrelated.
    #[must_use]
    pub fn from_u64(seed: u64) -> Self {
        Self::from_bytes(&seed.to_be_bytes())
    }

    /// The stream of any bytes, for example those of an inputs digest.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(ChaCha8Rng::from_seed(Sha256::digest(bytes).into()))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// Uniform among 0 … `bound` − 1; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            0
        } else {
            self.0.random_range(0..bound)
        }
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// exp(N(`mean_log`, `sd_log`²)).
    pub fn log_normal(&mut self, mean_log: f64, sd_log: f64) -> f64 {
        (mean_log + sd_log * self.normal()).exp()
    }

    /// Gamma with this shape and scale 1; `None` unless the shape is positive and finite.
    pub fn gamma(&mut self, shape: f64) -> Option<f64> {
        Some(Gamma::new(shape, 1.0).ok()?.sample(&mut self.0)).filter(|draw: &f64| draw.is_finite())
    }

    /// Beta(a, b); `None` unless both are positive and finite.
    pub fn beta(&mut self, a: f64, b: f64) -> Option<f64> {
        Some(Beta::new(a, b).ok()?.sample(&mut self.0)).filter(|draw: &f64| draw.is_finite())
    }

    /// Successes among `trials`; a probability outside [0, 1] counts as the nearer end, NaN as 0.
    pub fn binomial(&mut self, trials: u64, probability: f64) -> u64 {
        Binomial::new(trials, probability.clamp(0.0, 1.0))
            .map_or(0, |binomial| binomial.sample(&mut self.0))
    }

    /// Puts `values` into a uniformly random order (R. Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.below(last + 1);
            values.swap(last, other);
        }
    }
}

/// The first eight bytes of SHA-256 of `bytes`: a seed from a digest.
#[must_use]
pub fn seed_of(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(8)
        .fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
}
