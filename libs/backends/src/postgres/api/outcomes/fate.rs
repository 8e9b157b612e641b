//! What can become of an outcome, decided from where its subject stands.

use super::Told;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// An outcome may lie this far in the future, for clocks that go fast.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The words of `outcome_fates.fate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Counts.
    Applied,
    /// Its event id was seen before.
    Duplicate,
    /// Received after its unit froze.
    Late,
    /// Dated more than five minutes after its receipt.
    Future,
    /// The namespace has no such post, external id or participant.
    Unknown,
    /// Its post is not published yet; it is not remembered and may be sent again.
    Unpublished,
    /// Dated before the exposure, or after the attribution window.
    Outside,
    /// Not an outcome at all.
    Invalid,
}

impl Fate {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Future => "future",
            Self::Unknown => "unknown",
            Self::Unpublished => "unpublished",
            Self::Outside => "outside",
            Self::Invalid => "invalid",
        }
    }
}

/// How many met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub applied: u64,
    pub duplicate: u64,
    pub late: u64,
    pub future: u64,
    pub unknown: u64,
    pub unpublished: u64,
    pub outside: u64,
    pub invalid: u64,
}

impl Tally {
    pub fn add(&mut self, fate: Fate, count: u64) {
        *self.slot(fate) += count;
    }

    /// Every fate that something met.
    pub fn iter(&self) -> impl Iterator<Item = (Fate, u64)> {
        [
            (Fate::Applied, self.applied),
            (Fate::Duplicate, self.duplicate),
            (Fate::Late, self.late),
            (Fate::Future, self.future),
            (Fate::Unknown, self.unknown),
            (Fate::Unpublished, self.unpublished),
            (Fate::Outside, self.outside),
            (Fate::Invalid, self.invalid),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }

    fn slot(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Applied => &mut self.applied,
            Fate::Duplicate => &mut self.duplicate,
            Fate::Late => &mut self.late,
            Fate::Future => &mut self.future,
            Fate::Unknown => &mut self.unknown,
            Fate::Unpublished => &mut self.unpublished,
            Fate::Outside => &mut self.outside,
            Fate::Invalid => &mut self.invalid,
        }
    }
}

/// Where a subject stood when the batch was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The post, or the participant's unit.
    pub subject: Uuid,
    /// Nil where it belongs to none.
    pub experiment: Uuid,
    /// Absent where the post is not published.
    pub exposed_at: Option<DateTime<Utc>>,
    /// End of the attribution window; absent without an experiment.
    pub window_end: Option<DateTime<Utc>>,
    pub freezes_at: Option<DateTime<Utc>>,
    pub matured: bool,
}

impl Standing {
    /// The fate before anybody looked whether the event id was seen.
    pub fn fate_of(&self, told: &Told, received: DateTime<Utc>) -> Fate {
        let Some(exposed_at) = self.exposed_at else {
            return if self.matured {
                Fate::Late
            } else {
                Fate::Unpublished
            };
        };
        if self.matured
            || self
                .freezes_at
                .is_some_and(|freezes_at| received > freezes_at)
        {
            Fate::Late
        } else if told.at > received + CLOCK_TOLERANCE {
            Fate::Future
        } else if told.at < exposed_at || self.window_end.is_some_and(|end| told.at > end) {
            Fate::Outside
        } else {
            Fate::Applied
        }
    }
}
