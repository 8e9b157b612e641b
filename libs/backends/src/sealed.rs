//! Secrets that rest in Postgres: sealed with a key that the database never holds.
//!
//! ChaCha20-Poly1305 (RFC 8439). The key is HMAC-SHA-256 of the install's pepper over a fixed text; the source's uid is associated
//! data, so that what was sealed for one source opens for no other. A random nonce of 12 bytes stands in front.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use std::fmt;
use uuid::Uuid;

/// What the pepper's HMAC is taken over: another use of the same pepper has another key.
const PURPOSE: &[u8] = b"webhook keys";
/// Bytes that a pepper must have at least.
pub const PEPPER_MIN: usize = 16;

/// Why nothing was sealed or opened; never tells of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the pepper is shorter than 16 bytes")]
    ShortPepper,
    #[error("the secrets could not be sealed")]
    Seal,
    /// Sealed with another pepper, for another source, or changed since.
    #[error("the sealed secrets do not open: another pepper sealed them, or they were changed")]
    Open,
}

/// Seals and opens the webhook secrets of sources.
#[derive(Clone)]
pub struct Sealer {
    key: LessSafeKey,
}

impl Sealer {
    /// # Errors
    /// [`SealError::ShortPepper`] below [`PEPPER_MIN`] bytes.
    pub fn new(pepper: &[u8]) -> Result<Self, SealError> {
        if pepper.len() < PEPPER_MIN {
            return Err(SealError::ShortPepper);
        }
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, pepper), PURPOSE);
        let key =
            UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref()).map_err(|_| SealError::Seal)?;
        Ok(Self {
            key: LessSafeKey::new(key),
        })
    }

    /// Seals the secrets of a source. Two sealings of the same secrets differ; compare digests of the secrets instead.
    ///
    /// # Errors
    /// [`SealError::Seal`] where the system gives no random bytes.
    pub fn seal(&self, secrets: &[Vec<u8>], source: Uuid) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SealError::Seal)?;
        let mut text = serde_json::to_vec(secrets).map_err(|_| SealError::Seal)?;
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(source.as_bytes()),
                &mut text,
            )
            .map_err(|_| SealError::Seal)?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// The secrets of a source, in the order in which they were given.
    ///
    /// # Errors
    /// [`SealError::Open`] for whatever this pepper did not seal for this source.
    pub fn open(&self, sealed: &[u8], source: Uuid) -> Result<Vec<Vec<u8>>, SealError> {
        let (nonce, text) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealError::Open)?;
        let mut text = text.to_vec();
        let opened = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(source.as_bytes()),
                &mut text,
            )
            .map_err(|_| SealError::Open)?;
        serde_json::from_slice(opened).map_err(|_| SealError::Open)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests;
