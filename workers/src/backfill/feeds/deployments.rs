//! Deployments that succeeded. Whether one did is told apart from it, and later.

use super::{Desk, Feed, Found, Read, Stream};
use crate::backfill::{host::HostError, reading};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Copy)]
pub struct Deployments<'a>(pub Desk<'a>);

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Entry(Value);

impl Feed for Deployments<'_> {
    type Entry = Entry;
    const STREAM: Stream = Stream::Deployments;

    fn route(&self, place: Option<&str>) -> String {
        let page = place.unwrap_or("1");
        self.0
            .route(&format!("deployments?per_page=50&page={page}"))
    }

    fn key(&self, entry: &Entry) -> i64 {
        entry.0["id"].as_i64().unwrap_or_default()
    }

    fn at(&self, entry: &Entry) -> Timestamp {
        reading::time(&entry.0["created_at"]).unwrap_or_default()
    }

    fn concerns(&self, _: &Entry) -> bool {
        true
    }

    async fn read(&self, entry: &Entry, spare: bool) -> Result<Read, HostError> {
        let route = format!("deployments/{}/statuses?per_page=100", self.key(entry));
        let statuses = match self.0.host.get::<Vec<Value>>(&self.0.route(&route)).await {
            Ok(reply) => reply.body,
            Err(HostError::NotFound) => return Ok(Read::default()),
            Err(error) if spare && error.is_passing() => return Ok(Read::default()),
            Err(error) => return Err(error),
        };
        // Newest first: the first success is the last of them.
        let success = statuses.iter().rfind(|it| it["state"] == "success");
        let Some(success) = success else {
            let over =
                |it: &Value| matches!(it["state"].as_str(), Some("failure" | "error" | "inactive"));
            return Ok(Read {
                found: Vec::new(),
                undecided: !statuses.first().is_some_and(over),
            });
        };
        let event = reading::deployment(self.0.settings, self.0.repository, &entry.0, success);
        Ok(Read {
            found: event
                .map(|it| Found::Evidence(Box::new(it)))
                .into_iter()
                .collect(),
            undecided: false,
        })
    }
}
