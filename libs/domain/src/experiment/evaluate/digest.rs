//! The digest of what was counted. The clock is not in it: the same units give the same digest tomorrow.

use crate::{
    digest::digest_of,
    experiment::{Design, Evidence, MaturedUnit, Outcome},
};

/// Bytes that are hashed at once: BLAKE3 hashes the leaves of its tree side by side, and many small pieces would leave it one.
const CHUNK: usize = 64 * 1024;

/// SHA-256 over the design, the epochs, the counts and a BLAKE3 of every unit in the order of maturity, as 64 hexadecimal digits.
pub(super) fn inputs(design: &Design, evidence: &Evidence) -> String {
    let mut units = blake3::Hasher::new();
    let mut bytes = Vec::with_capacity(2 * CHUNK);
    for unit in &evidence.units {
        write(&mut bytes, unit);
        if bytes.len() >= CHUNK {
            units.update(&bytes);
            bytes.clear();
        }
    }
    units.update(&bytes);
    let units = units.finalize().to_hex().to_string();
    digest_of(&(
        design,
        &evidence.epochs,
        &evidence.counts,
        &evidence.missing,
        &evidence.history,
        units,
    ))
}

/// A unit in a fixed order with the numbers' own bytes.
fn write(bytes: &mut Vec<u8>, unit: &MaturedUnit) {
    bytes.extend_from_slice(unit.id.as_bytes());
    bytes.extend_from_slice(&unit.arm.to_be_bytes());
    bytes.extend_from_slice(&unit.epoch.to_be_bytes());
    bytes.extend_from_slice(&unit.probability.to_bits().to_be_bytes());
    bytes.push(u8::from(unit.published));
    let mut outcome = |outcome: &Outcome| {
        bytes.extend_from_slice(&outcome.y.to_bits().to_be_bytes());
        bytes.extend_from_slice(&outcome.x.to_bits().to_be_bytes());
    };
    outcome(&unit.objective);
    unit.extra.iter().for_each(&mut outcome);
    for covariate in &unit.covariates {
        bytes.extend_from_slice(&covariate.to_bits().to_be_bytes());
    }
}
