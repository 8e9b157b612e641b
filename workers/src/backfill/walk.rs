//! Where a backfill stands within a list that the host sorts newest first, and what the next page means for it. Pure.
//!
//! A list is walked from its newest entry down to what the last walk knows. What is added meanwhile stands in front and shifts the rest
//! to later pages, so that entries are seen twice at worst and never missed; the next walk finds the new ones, because it goes down to
//! the newest entry that this walk began with. A walk that is interrupted goes on from the page and the entry after which it was stored.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A change may show in a list somewhat later than its time says, because the host's own copies lag.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);
/// Something undecided that is older than this is not waited for.
const UNDECIDED: SignedDuration = SignedDuration::from_hours(48);

/// What is stored between two pages: the column `backfill_cursors.cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cursor {
    /// Everything older is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_to: Option<Timestamp>,
    /// The walk that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walk>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Walk {
    /// By the database's clock.
    pub started: Timestamp,
    /// The newest entry that there was at its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// The oldest entry that is not decided yet; the next walk comes down to it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Timestamp>,
    /// The page, in the host's words; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The entry of that page up to which everything is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Of the first page at its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Backfills that ended at the entry after that one.
    #[serde(default)]
    pub failures: u32,
}

impl Walk {
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self {
            started,
            newest: None,
            undecided: None,
            place: None,
            after: None,
            etag: None,
            failures: 0,
        }
    }

    /// Whether nothing of it is stored yet.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.place.is_none() && self.after.is_none()
    }

    /// An entry of that time is done with, or is not decided yet.
    pub fn passed(&mut self, key: i64, at: Timestamp, decided: bool) {
        self.after = Some(key);
        self.failures = 0;
        let waits = !decided && at > self.started - UNDECIDED;
        if waits {
            self.undecided = Some(self.undecided.map_or(at, |other| other.min(at)));
        }
    }

    /// The entries of its page that come after the one up to which everything is stored. All of them where that one is gone to a
    /// later page: storing twice changes nothing.
    #[must_use]
    pub fn rest<'a, T>(&self, entries: &'a [T], key: impl Fn(&T) -> i64) -> &'a [T] {
        let stored = self
            .after
            .and_then(|after| entries.iter().position(|it| key(it) == after));
        &entries[stored.map_or(0, |place| place + 1)..]
    }
}

impl Cursor {
    /// What stands after the walk that ended: everything up to where it began is known, but for what is undecided. A clock that ran
    /// backwards takes nothing back.
    #[must_use]
    pub fn finished(&self, walk: &Walk) -> Self {
        let reached = walk.newest.map(|newest| newest - OVERLAP);
        let reached = match (reached, walk.undecided) {
            (Some(reached), Some(undecided)) => Some(reached.min(undecided)),
            (reached, _) => reached,
        };
        Self {
            known_to: self.known_to.max(reached),
            walk: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn known(second: i64) -> Cursor {
        Cursor {
            known_to: Some(at(second)),
            walk: None,
        }
    }

    #[test]
    fn a_walk_makes_known_what_there_was_at_its_start() {
        let mut walk = Walk::new(at(1_000));
        walk.newest = Some(at(900));
        assert_eq!(Cursor::default().finished(&walk), known(840));
        walk.passed(1, at(700), false);
        walk.passed(2, at(500), false);
        walk.passed(3, at(600), true);
        assert_eq!(Cursor::default().finished(&walk), known(500));
    }

    #[test]
    fn what_stays_undecided_for_two_days_is_not_waited_for() {
        let mut walk = Walk::new(at(1_000));
        walk.newest = Some(at(900));
        walk.passed(1, at(1_000 - 48 * 3600), false);
        assert_eq!(walk.undecided, None);
    }

    #[test]
    fn an_empty_list_or_one_whose_times_ran_backwards_takes_nothing_back() {
        let walk = Walk::new(at(1_000));
        assert_eq!(known(800).finished(&walk), known(800));
        let backwards = Walk {
            newest: Some(at(10)),
            ..walk
        };
        assert_eq!(known(800).finished(&backwards), known(800));
    }

    #[test]
    fn an_interrupted_page_goes_on_after_the_last_entry_that_was_stored() {
        let mut walk = Walk::new(at(1_000));
        let entries = [9, 8, 7];
        assert_eq!(walk.rest(&entries, |it| *it), [9, 8, 7]);
        walk.passed(8, at(1), true);
        assert_eq!(walk.rest(&entries, |it| *it), [7]);
        // It was shifted to a later page meanwhile.
        assert_eq!(walk.rest(&[11, 10, 9], |it| *it), [11, 10, 9]);
    }
}
