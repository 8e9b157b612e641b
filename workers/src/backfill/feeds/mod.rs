//! The lists that a backfill reads: how a page is asked for, what an entry of it is, and what it takes to know it whole.

pub mod deployments;
pub mod pulls;
pub mod pushes;
pub mod releases;

use super::{host::HostError, reading::Repository};
use backends::postgres::worker_backfill::{Found, Stream};
use domain::achievement::SourceSettings;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::host::Host;

/// What every list is read with.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub host: &'a Host,
    pub settings: &'a SourceSettings,
    pub repository: &'a Repository,
}

impl Desk<'_> {
    /// A route below the repository's own.
    #[must_use]
    pub fn route(&self, rest: &str) -> String {
        format!("/repos/{}/{rest}", self.repository.full_name)
    }
}

/// What an entry came to.
#[derive(Debug, Default)]
pub struct Read {
    pub found: Vec<Found>,
    /// It may still become something: the next walk shall look at it again.
    pub undecided: bool,
}

/// A list of the host, newest first.
pub trait Feed {
    type Entry: DeserializeOwned + Send + Sync;
    const STREAM: Stream;
    /// The list is not sorted by when its entries became what they are, so that it is walked to its end.
    const WHOLE: bool = false;
    /// The parameter that leads to a further page.
    const PLACE: &'static str = "page";

    /// Its first page; `place` is what [`Feed::PLACE`] said of a further one.
    fn route(&self, place: Option<&str>) -> String;
    fn key(&self, entry: &Self::Entry) -> i64;
    /// By what the list is sorted, or, of a whole one, when the entry became what it is.
    fn at(&self, entry: &Self::Entry) -> Timestamp;
    /// Whether the entry is of a kind that is collected.
    fn concerns(&self, entry: &Self::Entry) -> bool;
    /// Asks for the rest of it. `spare` says that asking failed before: what can be done without is left out.
    fn read(
        &self,
        entry: &Self::Entry,
        spare: bool,
    ) -> impl Future<Output = Result<Read, HostError>> + Send;
}
