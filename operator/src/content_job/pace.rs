//! How often the status is written. A change that people wait for is written at once; counters at most once a second; what
//! only words a wait differently when it has lasted.

use crds::{ConditionType, ContentJobStatus};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Between two writes that only move counters.
const COUNTERS: Duration = Duration::from_secs(1);
/// Before a wait is worded differently.
const WORDING: Duration = Duration::from_secs(10);

/// What to do with a new status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    Nothing,
    Write,
    /// Too early: look again after this.
    Later(Duration),
}

/// Decides whether a status is written now; after a restart nobody knows since when.
#[must_use]
pub fn pace(before: &ContentJobStatus, after: &ContentJobStatus, since: Option<Since>) -> Pace {
    if before == after {
        return Pace::Nothing;
    }
    let Some(since) = since else {
        return Pace::Write;
    };
    let (wait, passed) = if milestones(before) != milestones(after) {
        return Pace::Write;
    } else if figures(before) != figures(after) {
        (COUNTERS, since.written)
    } else {
        (WORDING, since.differing)
    };
    if passed < wait {
        Pace::Later(wait - passed)
    } else {
        Pace::Write
    }
}

type Milestones<'a> = (
    Option<i64>,
    Option<String>,
    Option<&'a str>,
    Vec<(&'a str, &'a str)>,
    bool,
);

/// What people and tools wait for: phase, conditions but for those that change with every message, the end.
fn milestones(status: &ContentJobStatus) -> Milestones<'_> {
    let conditions = status
        .conditions
        .iter()
        .filter(|condition| condition.type_ != ConditionType::Queued.as_str())
        .map(|condition| (condition.type_.as_str(), condition.status.as_str()))
        .collect();
    (
        status.observed_generation,
        status.phase.map(|phase| format!("{phase:?}")),
        status.run_id.as_deref(),
        conditions,
        status.completed_at.is_some(),
    )
}

type Figures<'a> = (
    &'a Option<crds::content_job::TaskCounts>,
    &'a Option<crds::content_job::JobUsage>,
    &'a Vec<crds::content_job::PostStatus>,
    &'a Option<crds::content_job::LastError>,
);

fn figures(status: &ContentJobStatus) -> Figures<'_> {
    (
        &status.counts,
        &status.usage,
        &status.posts,
        &status.last_error,
    )
}

/// Times of a job's status in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Since it was written.
    pub written: Duration,
    /// Since it began to differ from what is written; zero where it does not. A job that waits for a place is told of its
    /// worker Job together with what that does, unless nothing comes of it for a while.
    pub differing: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Written {
    at: Instant,
    differs_since: Option<Instant>,
}

/// When the status of each unfinished job was last written by this process.
#[derive(Debug, Clone, Default)]
pub struct LastWrites(Arc<Mutex<HashMap<Uuid, Written>>>);

impl LastWrites {
    /// The times of a job, and that its status `differs` now from what is written.
    #[must_use]
    pub fn since(&self, job: Uuid, differs: bool) -> Option<Since> {
        let mut times = self.lock();
        let written = times.get_mut(&job)?;
        written.differs_since = differs.then(|| written.differs_since.unwrap_or_else(Instant::now));
        Some(Since {
            written: written.at.elapsed(),
            differing: written
                .differs_since
                .map_or(Duration::ZERO, |since| since.elapsed()),
        })
    }

    pub fn note(&self, job: Uuid) {
        self.lock().insert(
            job,
            Written {
                at: Instant::now(),
                differs_since: None,
            },
        );
    }

    /// As if the job's status had been written that much earlier.
    #[cfg(test)]
    pub fn age(&self, job: Uuid, by: Duration) {
        if let Some(written) = self.lock().get_mut(&job) {
            written.at -= by;
        }
    }

    /// A job that ended or went writes no counters any more.
    pub fn forget(&self, job: Uuid) {
        self.lock().remove(&job);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Written>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
