//! Pushes past pull requests. The merge of a pull request is a push as well; the pull request's own record stands for it.

use super::{Desk, Feed, Found, Read, Stream};
use crate::backfill::{
    comparing::{self, Compared},
    host::HostError,
    reading,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub struct Pushes<'a>(pub Desk<'a>);

/// An activity of the repository, as the host calls it.
#[derive(Debug, Deserialize)]
pub struct Entry {
    id: i64,
    before: String,
    after: String,
    #[serde(rename = "ref")]
    reference: String,
    timestamp: Timestamp,
    activity_type: String,
    /// Null where the account is gone.
    #[serde(default)]
    actor: Value,
}

impl Entry {
    fn branch(&self) -> &str {
        self.reference
            .strip_prefix("refs/heads/")
            .unwrap_or(&self.reference)
    }
}

impl Feed for Pushes<'_> {
    type Entry = Entry;
    const STREAM: Stream = Stream::Pushes;
    const PLACE: &'static str = "after";

    fn route(&self, place: Option<&str>) -> String {
        // The host tells those of one branch, or of all.
        let branch = if self.0.settings.filters.branches.is_empty() {
            format!(
                "&ref={}",
                reading::encode(&self.0.repository.default_branch)
            )
        } else {
            String::new()
        };
        let place = place.map_or_else(String::new, |place| format!("&after={place}"));
        self.0
            .route(&format!("activity?per_page=100{branch}{place}"))
    }

    fn key(&self, entry: &Entry) -> i64 {
        entry.id
    }

    fn at(&self, entry: &Entry) -> Timestamp {
        entry.timestamp
    }

    fn concerns(&self, entry: &Entry) -> bool {
        matches!(entry.activity_type.as_str(), "push" | "force_push")
            && self.0.settings.takes_branch(
                entry.branch(),
                entry.branch() == self.0.repository.default_branch,
            )
    }

    async fn read(&self, entry: &Entry, spare: bool) -> Result<Read, HostError> {
        let compared = comparing::commits(self.0, Some(&entry.before), &entry.after).await;
        let Compared { commits, .. } = match compared {
            // Neither the one before nor the one after is there any more: what remains is the activity itself.
            Err(HostError::NotFound) => Compared::default(),
            Err(error) if spare && error.is_passing() => Compared::default(),
            compared => compared?,
        };
        let pushed = reading::Pushed {
            reference: &entry.reference,
            before: &entry.before,
            after: &entry.after,
            at: entry.timestamp,
            actor: &entry.actor,
            commits: &commits,
        };
        let event = reading::push(self.0.settings, self.0.repository, &pushed);
        Ok(Read {
            found: event
                .map(|it| Found::Evidence(Box::new(it)))
                .into_iter()
                .collect(),
            undecided: false,
        })
    }
}
