//! API keys: `ta_<id>_<secret>`. The id finds the row; of the secret only an HMAC-SHA-256 under the install's pepper is kept.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::ValueEnum;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// So that scanners of leaked secrets know one when they see it.
const PREFIX: &str = "ta";
/// Bytes of the readable part: enough that two keys never share it.
const ID_BYTES: usize = 9;
/// Bytes of the secret part: 256 bits, so that a fast hash suffices.
const SECRET_BYTES: usize = 32;
/// Shortest pepper that is taken, in bytes.
pub const MIN_PEPPER: usize = 16;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verb {
    #[value(name = "posts:read")]
    PostsRead,
    #[value(name = "posts:write")]
    PostsWrite,
    #[value(name = "outcomes:write")]
    OutcomesWrite,
    #[value(name = "experiments:read")]
    ExperimentsRead,
    #[value(name = "experiments:write")]
    ExperimentsWrite,
    #[value(name = "achievements:read")]
    AchievementsRead,
    #[value(name = "achievements:write")]
    AchievementsWrite,
}

impl Verb {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostsRead => "posts:read",
            Self::PostsWrite => "posts:write",
            Self::OutcomesWrite => "outcomes:write",
            Self::ExperimentsRead => "experiments:read",
            Self::ExperimentsWrite => "experiments:write",
            Self::AchievementsRead => "achievements:read",
            Self::AchievementsWrite => "achievements:write",
        }
    }
}

/// A key as its holder has it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: String,
    secret: SecretString,
}

impl ApiKey {
    /// A new one, from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let id = loop {
            let id = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; ID_BYTES]>());
            // Parts are divided by underscores, and an id that begins with a dash looks like a flag.
            if !id.contains(['_', '-']) {
                break id;
            }
        };
        let secret = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>());
        Self {
            id,
            secret: secret.into(),
        }
    }

    /// None where the text cannot be a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let (id, secret) = rest.split_once('_')?;
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?;
        let well_formed = prefix == PREFIX
            && id.len() == ID_BYTES.div_ceil(3) * 4
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && decoded.len() == SECRET_BYTES;
        well_formed.then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned().into(),
        })
    }

    /// The text that the holder keeps.
    #[must_use]
    pub fn expose(&self) -> SecretString {
        format!("{PREFIX}_{}_{}", self.id, self.secret.expose_secret()).into()
    }
}

/// What keys are hashed with.
#[derive(Debug, Clone)]
pub struct Pepper(SecretString);

impl Pepper {
    /// # Errors
    /// Fewer than [`MIN_PEPPER`] bytes.
    pub fn new(secret: SecretString) -> anyhow::Result<Self> {
        anyhow::ensure!(
            secret.expose_secret().len() >= MIN_PEPPER,
            "the pepper of API keys must have at least {MIN_PEPPER} bytes; set API_KEY_PEPPER to something random"
        );
        Ok(Self(secret))
    }

    /// What other keys are derived from.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// HMAC-SHA-256 of the key's secret; the id is in it, so that rows cannot be exchanged.
    #[must_use]
    pub fn hash(&self, key: &ApiKey) -> [u8; 32] {
        // HMAC takes a key of any length, so there is no error to meet.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()) else {
            return [0; 32];
        };
        mac.update(key.id.as_bytes());
        mac.update(b"_");
        mac.update(key.secret.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Whether `stored` is the key's hash, in a time that does not depend on where they differ. Without a stored hash the same work
    /// is done and the answer is no.
    #[must_use]
    pub fn verify(&self, key: &ApiKey, stored: Option<&[u8]>) -> bool {
        let hash = self.hash(key);
        let matches = hash[..].ct_eq(stored.unwrap_or(&[0; 32])).into();
        matches && stored.is_some()
    }
}

#[cfg(test)]
mod tests;
