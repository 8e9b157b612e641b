//! What has to be written so that the row says what the resource says. Pure.

use super::{observe::Observed, validate::ValidatedSource};
use crate::prompt_template::plan::Problem;
use domain::digest::digest_of;

/// What [`super::apply`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The row does not say what the resource says.
    pub sync: bool,
    pub keys: Keys,
    pub problems: Vec<Problem>,
}

/// What becomes of the sealed webhook secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    Keep,
    /// The resource names none any more, or what it names may not be used any more.
    Remove,
    Seal,
}

#[must_use]
pub fn plan(source: &ValidatedSource, observed: &Observed) -> Plan {
    let row = observed.row.as_ref();
    let synced = row.is_some_and(|row| {
        row.settings_digest == digest_of(&source.settings)
            && row.credentials_digest == observed.credentials_digest
            && row.suspended == source.suspended
    });
    let stored = row.and_then(|row| row.webhook_keys_digest.as_deref());
    let keys = match &observed.webhook {
        Some(Ok(secrets)) if stored == Some(secrets.digest.as_str()) => Keys::Keep,
        Some(Ok(_)) => Keys::Seal,
        Some(Err(_)) | None if stored.is_some() => Keys::Remove,
        Some(Err(_)) | None => Keys::Keep,
    };
    let webhook = observed.webhook.as_ref().and_then(|it| it.as_ref().err());
    let problems = webhook.into_iter().chain(observed.secrets.as_ref().err());
    Plan {
        sync: !synced,
        keys,
        problems: problems.cloned().collect(),
    }
}

#[cfg(test)]
mod tests;
