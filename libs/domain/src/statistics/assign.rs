//! Arms by keyed hash: the same unit gets the same arm in every process, and nobody without the key can foresee it.
//!
//! HMAC-SHA-256 (RFC 2104, FIPS 180-4) over the experiment's uid and the unit's id; the first eight bytes, as a fraction of
//! 2⁶⁴, fall among the cumulative weights.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// What all weights of an experiment sum to: one is a hundredth of a per cent.
pub const BASIS_POINTS: u32 = 10_000;

/// What a unit was given; stored with the unit and never worked out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Index into the weights.
    pub arm: usize,
    /// The arm's weight at assignment: its probability in basis points.
    pub basis_points: u32,
}

impl Assignment {
    /// The probability with which this arm was assigned, in (0, 1].
    #[must_use]
    pub fn probability(&self) -> f64 {
        f64::from(self.basis_points) / f64::from(BASIS_POINTS)
    }
}

/// Assigns `unit` under `weights` in basis points. `None` unless they sum to [`BASIS_POINTS`].
///
/// Two units are independent, as are two experiments for one unit. Other weights may give another arm: the first
/// assignment, which the caller stores, holds.
#[must_use]
pub fn assign(key: &[u8], experiment: Uuid, unit: &str, weights: &[u32]) -> Option<Assignment> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if sum != u64::from(BASIS_POINTS) {
        return None;
    }
    let bucket = bucket(position(key, experiment, unit)?);
    let mut upto = 0;
    weights.iter().enumerate().find_map(|(arm, basis_points)| {
        upto += basis_points;
        (bucket < upto).then_some(Assignment {
            arm,
            basis_points: *basis_points,
        })
    })
}

/// Where the unit falls, uniform over all 64-bit numbers.
#[must_use]
pub fn position(key: &[u8], experiment: Uuid, unit: &str) -> Option<u64> {
    // The uid has a fixed length, so no two (uid, unit) pairs give the same message.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(experiment.as_bytes());
    mac.update(unit.as_bytes());
    let digest = mac.finalize().into_bytes();
    Some(
        digest
            .iter()
            .take(8)
            .fold(0, |position, byte| (position << 8) | u64::from(*byte)),
    )
}

/// ⌊position · 10⁴ / 2⁶⁴⌋.
fn bucket(position: u64) -> u32 {
    ((u128::from(position) * u128::from(BASIS_POINTS)) >> 64) as u32
}
