//! Published releases. The host sorts them by the time of their commit, so that an old draft that is published today stands far down:
//! the whole list is walked whenever its first page changed.

use super::{Desk, Feed, Found, Read, Stream};
use crate::backfill::{host::HostError, reading};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub struct Releases<'a>(pub Desk<'a>);

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Entry(Value);

impl Feed for Releases<'_> {
    type Entry = Entry;
    const STREAM: Stream = Stream::Releases;
    const WHOLE: bool = true;

    fn route(&self, place: Option<&str>) -> String {
        let page = place.unwrap_or("1");
        self.0.route(&format!("releases?per_page=30&page={page}"))
    }

    fn key(&self, entry: &Entry) -> i64 {
        entry.0["id"].as_i64().unwrap_or_default()
    }

    fn at(&self, entry: &Entry) -> Timestamp {
        reading::time(&entry.0["published_at"])
            .or_else(|| reading::time(&entry.0["created_at"]))
            .unwrap_or_default()
    }

    fn concerns(&self, entry: &Entry) -> bool {
        entry.0["draft"] != Value::Bool(true) && !entry.0["published_at"].is_null()
    }

    async fn read(&self, entry: &Entry, _spare: bool) -> Result<Read, HostError> {
        let event = reading::release(self.0.settings, self.0.repository, &entry.0);
        Ok(Read {
            found: event
                .map(|it| Found::Evidence(Box::new(it)))
                .into_iter()
                .collect(),
            undecided: false,
        })
    }
}
