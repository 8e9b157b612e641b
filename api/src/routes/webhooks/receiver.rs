//! What the receiver keeps between requests.

use super::{
    body::Held,
    signature::{self, Refusal},
};
use axum::http::HeaderMap;
use backends::sealed::{SealError, Sealer};
use std::{
    collections::HashMap,
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Between two notes of the same kind on a source.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// Sources whose notes are remembered.
const NOTED_MAX: usize = 10_000;

/// Opens keys, and says when a source's row is due for a note.
pub struct Receiver {
    sealer: Sealer,
    /// One random secret, sealed for the nil uuid: what is checked where there is no source, so that the check takes as long.
    nobody: Vec<u8>,
    noted: Mutex<HashMap<(Uuid, bool), Instant>>,
    pub held: Held,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Receiver(..)")
    }
}

impl Receiver {
    /// # Errors
    /// A pepper that is too short, or no randomness.
    pub fn new(pepper: &[u8]) -> Result<Self, SealError> {
        let sealer = Sealer::new(pepper)?;
        let nobody = sealer.seal(&[rand::random::<[u8; 32]>().to_vec()], Uuid::nil())?;
        Ok(Self {
            sealer,
            nobody,
            noted: Mutex::default(),
            held: Held::default(),
        })
    }

    /// Checks a body's signature with a source's sealed keys, before anything of the body is looked at. Without a source the same
    /// work is done.
    pub fn verify(
        &self,
        source: Option<(Uuid, Option<&[u8]>)>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        let (uid, sealed) = match source {
            Some((uid, Some(sealed))) => (uid, sealed),
            Some((_, None)) | None => (Uuid::nil(), self.nobody.as_slice()),
        };
        let opened = self.sealer.open(sealed, uid);
        if let Err(error) = &opened {
            tracing::error!(%error, source = %uid, "a source's webhook secrets cannot be used");
        }
        let given = signature::read(headers);
        let held = signature::holds(
            opened.as_deref().unwrap_or_default(),
            body,
            &given.unwrap_or_default(),
        );
        let readable = matches!(source, Some((_, Some(_)))) && opened.is_ok();
        match given {
            _ if !readable => Err(Refusal::NoSecret),
            Err(refusal) => Err(refusal),
            Ok(_) if held => Ok(()),
            Ok(_) => Err(Refusal::Mismatch),
        }
    }

    /// Whether a note of this kind (signature held, or not) is due on a source; a caller that is told so writes it. Each kind is due
    /// once a minute, and a signature that holds also after one that did not.
    pub fn note_due(&self, source: Uuid, held: bool) -> bool {
        let now = Instant::now();
        let Ok(mut noted) = self.noted.lock() else {
            return false;
        };
        if noted.len() >= NOTED_MAX {
            noted.clear();
        }
        let due = noted
            .get(&(source, held))
            .is_none_or(|at| now.duration_since(*at) >= NOTE_EVERY);
        if due {
            noted.insert((source, held), now);
            if !held {
                noted.remove(&(source, true));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_source_is_noted_once_a_minute_a_kind() {
        let receiver = Receiver::new(b"a pepper for the tests").unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(receiver.note_due(one, true));
        assert!(!receiver.note_due(one, true));
        assert!(receiver.note_due(one, false));
        assert!(
            receiver.note_due(one, true),
            "what was wrong is right again"
        );
        assert!(!receiver.note_due(one, true));
        assert!(!receiver.note_due(one, false));
        assert!(receiver.note_due(other, true));
        assert_eq!(format!("{receiver:?}"), "Receiver(..)");
    }
}
