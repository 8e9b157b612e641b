//! The database's clock as a worker can know it without asking again.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio::time::Instant;

/// Tells times of the database: its clock at the claim, and how long ago the answer to the claim came.
///
/// What it tells is never later than the database's own clock, by the time that the answer was under way: a commit that
/// compares with everything newer then compares with a little more than it must, never with less.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseClock {
    claimed_at: DateTime<Utc>,
    answered: Instant,
}

impl DatabaseClock {
    /// A time that does not parse counts as the beginning of time: then the commit compares with all that it may.
    #[must_use]
    pub fn at_claim(claimed_at: &str) -> Self {
        let claimed_at =
            DateTime::parse_from_rfc3339(claimed_at).map_or(DateTime::UNIX_EPOCH, |at| at.to_utc());
        Self {
            claimed_at,
            answered: Instant::now(),
        }
    }

    /// RFC 3339, UTC.
    #[must_use]
    pub fn now(&self) -> String {
        let elapsed = TimeDelta::from_std(self.answered.elapsed()).unwrap_or(TimeDelta::zero());
        (self.claimed_at + elapsed).to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// A time before every post: the commit compares with the newest posts, whatever the index knows.
    #[must_use]
    pub fn beginning() -> String {
        DateTime::UNIX_EPOCH.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}
