//! Faults on demand. A model's name may carry them: `stand-in-writer?fault=429&times=2&retry_after=1`; see [`crate::control`] for
//! those that hit every model.
//!
//! `fault` is a status (429, 500, 529 …), `hang`, `not_json`, `cut_off` (JSON that ends within a string), `empty`, `truncated` (a text
//! that the token limit ended), `nonsense` or `huge`. With `times=N` only the first N calls of that very name fail; without it all
//! do.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Status(u16),
    Hang,
    NotJson,
    CutOff,
    Empty,
    Truncated,
    Nonsense,
    Huge,
}

impl Kind {
    /// The fault of that name; none where nothing is called so.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hang" => Self::Hang,
            "not_json" => Self::NotJson,
            "cut_off" => Self::CutOff,
            "empty" => Self::Empty,
            "truncated" => Self::Truncated,
            "nonsense" => Self::Nonsense,
            "huge" => Self::Huge,
            status => Self::Status(status.parse().ok()?),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    /// Seconds that a status of 429 or 503 asks to wait.
    pub retry_after: u32,
}

/// What was asked so far.
#[derive(Default)]
pub struct Faults {
    failed: Mutex<BTreeMap<String, u32>>,
    calls: Mutex<BTreeMap<String, u64>>,
}

impl Faults {
    /// The fault that this call shall have.
    pub fn of(&self, model: &str) -> Option<Fault> {
        let (fault, times) = parse(model)?;
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = failed.entry(model.to_owned()).or_default();
        if times.is_some_and(|times| *so_far >= times) {
            return None;
        }
        *so_far += 1;
        Some(fault)
    }

    pub fn count(&self, route: &str, model: &str) {
        *self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(format!("{route} {model}"))
            .or_default() += 1;
    }

    /// Calls by route and model.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn parse(model: &str) -> Option<(Fault, Option<u32>)> {
    let (_, query) = model.split_once('?')?;
    let value = |key: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let kind = Kind::named(value("fault")?)?;
    let retry_after = value("retry_after")
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(1);
    Some((
        Fault { kind, retry_after },
        value("times").and_then(|times| times.parse().ok()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_has_no_fault() {
        assert_eq!(Faults::default().of("stand-in-writer"), None);
    }

    #[test]
    fn only_the_first_calls_fail_where_times_is_given() {
        let faults = Faults::default();
        let name = "m?fault=429&times=2&retry_after=7";
        assert_eq!(
            faults.of(name),
            Some(Fault {
                kind: Kind::Status(429),
                retry_after: 7
            })
        );
        assert!(faults.of(name).is_some());
        assert_eq!(faults.of(name), None);
    }
}
