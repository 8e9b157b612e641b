//! Merged pull requests.

use super::{Desk, Feed, Found, Read, Stream};
use crate::backfill::{
    host::{HostError, parameter},
    reading,
};
use domain::achievement::{FileChange, PullRequest};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Entries of a page: each is some 20 KB of text.
const PAGE: usize = 50;
/// The host tells no more than 3,000 files of a pull request.
const FILE_PAGES: usize = 30;

#[derive(Debug, Clone, Copy)]
pub struct Pulls<'a>(pub Desk<'a>);

/// A pull request as the list holds it, whole.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Entry(Value);

impl Entry {
    fn number(&self) -> i64 {
        self.0["number"].as_i64().unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    additions: u32,
    #[serde(default)]
    deletions: u32,
    #[serde(default)]
    status: String,
}

impl Feed for Pulls<'_> {
    type Entry = Entry;
    const STREAM: Stream = Stream::Pulls;

    /// Of all states, because a closed one that is opened again would leave the list and let another slip past.
    fn route(&self, place: Option<&str>) -> String {
        let page = place.unwrap_or("1");
        self.0.route(&format!(
            "pulls?state=all&sort=updated&direction=desc&per_page={PAGE}&page={page}"
        ))
    }

    fn key(&self, entry: &Entry) -> i64 {
        entry.number()
    }

    fn at(&self, entry: &Entry) -> Timestamp {
        reading::time(&entry.0["updated_at"]).unwrap_or_default()
    }

    fn concerns(&self, entry: &Entry) -> bool {
        !entry.0["merged_at"].is_null()
    }

    async fn read(&self, entry: &Entry, spare: bool) -> Result<Read, HostError> {
        // What the filters keep out is not asked for; they look at nothing that the list leaves out.
        let Some(listed) = self.wanted(&entry.0) else {
            return Ok(Read::default());
        };
        let route = self.0.route(&format!("pulls/{}", listed.number));
        let told = match self.0.host.get::<Value>(&route).await {
            Ok(reply) => self.wanted(&reply.body),
            Err(HostError::NotFound) => None,
            Err(error) if spare && error.is_passing() => Some(listed),
            Err(error) => return Err(error),
        };
        let Some(mut pull) = told else {
            return Ok(Read::default());
        };
        pull.files = match self.files(pull.number).await {
            Ok(files) => Some(files),
            Err(HostError::NotFound) => None,
            Err(error) if spare && error.is_passing() => None,
            Err(error) => return Err(error),
        };
        Ok(Read {
            found: vec![Found::PullRequest(Box::new(pull))],
            undecided: false,
        })
    }
}

impl Pulls<'_> {
    fn wanted(&self, told: &Value) -> Option<PullRequest> {
        reading::pull_request(self.0.settings, self.0.repository, told)
    }

    async fn files(&self, number: i64) -> Result<Vec<FileChange>, HostError> {
        let (mut files, mut page) = (Vec::new(), "1".to_owned());
        for _ in 0..FILE_PAGES {
            let route = format!("pulls/{number}/files?per_page=100&page={page}");
            let reply = self.0.host.get::<Vec<File>>(&self.0.route(&route)).await?;
            files.extend(reply.body.into_iter().map(|file| FileChange {
                path: file.filename,
                additions: file.additions,
                deletions: file.deletions,
                status: file.status,
            }));
            match reply.next.and_then(|url| parameter(&url, "page")) {
                Some(next) => page = next,
                None => break,
            }
        }
        Ok(files)
    }
}
