//! The digest of what was counted. The clock is not in it: the same units give the same digest tomorrow.

use crate::{
    digest::digest_of,
    experiment::{Design, Evidence, MaturedUnit},
};

/// Bytes that are hashed at once: BLAKE3 hashes the leaves of its tree side by side, and many small pieces would leave it one.
const CHUNK: usize = 64 * 1024;

/// Bytes of a unit without extra outcomes and covariates.
const FIXED: usize = 47;

/// What was counted, as it is gone through.
pub(super) struct Inputs {
    units: blake3::Hasher,
    bytes: Vec<u8>,
}

impl Inputs {
    pub(super) fn new() -> Self {
        Self {
            units: blake3::Hasher::new(),
            bytes: Vec::with_capacity(2 * CHUNK),
        }
    }

    /// The next units in the order of maturity.
    pub(super) fn take(&mut self, units: &[MaturedUnit]) {
        for unit in units {
            write(&mut self.bytes, unit);
            if self.bytes.len() >= CHUNK {
                // Whole chunks: a piece of a leaf would have to wait for its rest and be hashed alone.
                self.units.update(&self.bytes[..CHUNK]);
                self.bytes.drain(..CHUNK);
            }
        }
    }

    /// SHA-256 over the design, the epochs, the counts and a BLAKE3 of every unit in the order of maturity, as 64 hexadecimal
    /// digits.
    pub(super) fn digest(mut self, design: &Design, evidence: &Evidence) -> String {
        self.units.update(&self.bytes);
        let units = self.units.finalize().to_hex().to_string();
        digest_of(&(
            design,
            &evidence.epochs,
            &evidence.counts,
            &evidence.missing,
            &evidence.history,
            units,
        ))
    }
}

/// A unit in a fixed order with the numbers' own bytes.
fn write(bytes: &mut Vec<u8>, unit: &MaturedUnit) {
    let mut fixed = [0; FIXED];
    fixed[..16].copy_from_slice(unit.id.as_bytes());
    fixed[16..18].copy_from_slice(&unit.arm.to_be_bytes());
    fixed[18..22].copy_from_slice(&unit.epoch.to_be_bytes());
    fixed[22..30].copy_from_slice(&unit.probability.to_bits().to_be_bytes());
    fixed[30] = u8::from(unit.published);
    fixed[31..39].copy_from_slice(&unit.objective.y.to_bits().to_be_bytes());
    fixed[39..47].copy_from_slice(&unit.objective.x.to_bits().to_be_bytes());
    bytes.extend_from_slice(&fixed);
    for outcome in &unit.extra {
        bytes.extend_from_slice(&outcome.y.to_bits().to_be_bytes());
        bytes.extend_from_slice(&outcome.x.to_bits().to_be_bytes());
    }
    for covariate in &unit.covariates {
        bytes.extend_from_slice(&covariate.to_bits().to_be_bytes());
    }
}
