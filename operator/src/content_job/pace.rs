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

/// Decides whether a status is written now; `since` is the time since this process wrote the job's last one.
#[must_use]
pub fn pace(before: &ContentJobStatus, after: &ContentJobStatus, since: Option<Duration>) -> Pace {
    if before == after {
        return Pace::Nothing;
    }
    let wait = if milestones(before) != milestones(after) {
        Duration::ZERO
    } else if figures(before) != figures(after) {
        COUNTERS
    } else {
        WORDING
    };
    match since {
        Some(since) if since < wait => Pace::Later(wait - since),
        _ => Pace::Write,
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

/// When the status of each unfinished job was last written by this process.
#[derive(Debug, Clone, Default)]
pub struct LastWrites(Arc<Mutex<HashMap<Uuid, Instant>>>);

impl LastWrites {
    #[must_use]
    pub fn since(&self, job: Uuid) -> Option<Duration> {
        self.lock().get(&job).map(Instant::elapsed)
    }

    pub fn note(&self, job: Uuid) {
        self.lock().insert(job, Instant::now());
    }

    /// A job that ended or went writes no counters any more.
    pub fn forget(&self, job: Uuid) {
        self.lock().remove(&job);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
