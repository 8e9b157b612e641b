//! Named checks that parts of a process report to, and that a probe reads. No probe asks another system: a part that talks to
//! one says how that went.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A set of checks; it passes where none fails. Clones share the set.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    failures: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

impl Checks {
    /// A check of this name; it fails with `why` until it is told otherwise.
    #[must_use]
    pub fn register(&self, name: &str, why: &str) -> Check {
        let check = Check {
            checks: self.clone(),
            name: name.to_owned(),
        };
        check.fail(why);
        check
    }

    /// The checks that fail, by name, each with its reason.
    #[must_use]
    pub fn failures(&self) -> Vec<(String, String)> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures
            .iter()
            .filter_map(|(name, failure)| Some((name.clone(), failure.clone()?)))
            .collect()
    }

    fn set(&self, name: &str, failure: Option<String>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.insert(name.to_owned(), failure);
    }
}

/// One part's hand on the set. Dropping it leaves the check as it was last told.
#[derive(Debug, Clone)]
pub struct Check {
    checks: Checks,
    name: String,
}

impl Check {
    pub fn pass(&self) {
        self.checks.set(&self.name, None);
    }

    /// `why` is shown to whoever asks the probe, so it holds no secret.
    pub fn fail(&self, why: &str) {
        self.checks.set(&self.name, Some(why.to_owned()));
    }

    /// The part is over; nobody asks for it any more.
    pub fn retire(self) {
        let mut failures = self
            .checks
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failures.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_check_fails_until_it_is_told_to_pass() {
        let checks = Checks::default();
        assert!(checks.failures().is_empty());
        let database = checks.register("database", "not asked yet");
        let broker = checks.register("broker", "not asked yet");
        broker.pass();
        assert_eq!(
            checks.failures(),
            [("database".to_owned(), "not asked yet".to_owned())]
        );
        database.pass();
        assert!(checks.failures().is_empty());
        broker.fail("gone");
        broker.retire();
        assert!(checks.failures().is_empty());
    }
}
