//! Digests of values: one canonical JSON form, one hash.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits, two a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// SHA-256 (hexadecimal) of the value's JSON with object keys in sorted order.
///
/// `serde_json`'s map keeps its keys sorted, so going through [`serde_json::Value`] is what makes two values that differ
/// only in field order equal. A value that JSON cannot hold (a map with non-string keys) hashes as JSON `null`.
#[must_use]
pub fn digest_of<T: Serialize>(value: &T) -> String {
    let canonical = serde_json::to_value(value).unwrap_or(serde_json::Value::Null);
    sha256_hex(canonical.to_string().as_bytes())
}
