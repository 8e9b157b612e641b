//! What tests set while the stand-in runs: `POST /control` with any of the fields below; what is left out goes back to its default,
//! so that `{}` clears everything.

use crate::faults::{Fault, Kind};
use serde::Deserialize;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Settings that hit every model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Added to every answer, in milliseconds.
    latency_ms: u64,
    /// The next so many calls fail; 0 for none.
    fail_next: u32,
    /// How they fail: one of these, the first that is given, else with a 500.
    status: Option<u16>,
    hang: bool,
    /// A fault's name, for example `not_json`.
    malformed: Option<String>,
    /// Seconds.
    retry_after: Option<u32>,
    /// Every moderation flags.
    flag_moderation: bool,
}

impl Settings {
    fn fault(&self) -> Fault {
        let malformed = self.malformed.as_deref().and_then(Kind::named);
        let kind = match self.status {
            Some(status) => Kind::Status(status),
            None if self.hang => Kind::Hang,
            None => malformed.unwrap_or(Kind::Status(500)),
        };
        Fault {
            kind,
            retry_after: self.retry_after.unwrap_or(1),
        }
    }

    /// Whether `malformed` names a fault.
    pub fn is_known(&self) -> bool {
        self.malformed
            .as_deref()
            .is_none_or(|name| Kind::named(name).is_some())
    }
}

/// The settings in force.
#[derive(Debug, Default)]
pub struct Control(Mutex<Settings>);

impl Control {
    pub fn set(&self, settings: Settings) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// The fault of the next call, if it shall have one; counts it.
    pub fn take_fault(&self) -> Option<Fault> {
        let mut settings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settings.fail_next = settings.fail_next.checked_sub(1)?;
        Some(settings.fault())
    }

    pub fn latency(&self) -> Duration {
        let settings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(settings.latency_ms)
    }

    pub fn flags_everything(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flag_moderation
    }
}
