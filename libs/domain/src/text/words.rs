//! What the parts share: a hash for short words, and rounding.

use std::hash::{BuildHasherDefault, Hasher};

/// Map keyed by short words that are known beforehand. Its hash is quick and not safe against chosen keys, which is no
/// matter for a map that is never written after it is built.
pub type WordMap<V> = std::collections::HashMap<&'static [u8], V, BuildHasherDefault<WordHasher>>;

/// Multiply-and-rotate over eight bytes at a time.
#[derive(Debug, Default, Clone, Copy)]
pub struct WordHasher(u64);

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl WordHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.add(u64::from_le_bytes(*eight));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(last));
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// Four decimals: enough for every report, and stable in JSON.
pub fn round4(value: f64) -> f64 {
    let rounded = (value * 10_000.0).round() / 10_000.0;
    // Minus nought would be written as `-0.0`.
    rounded + 0.0
}
