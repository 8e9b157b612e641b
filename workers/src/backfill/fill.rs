//! Walks the lists of one source into the store: each page with its cursor in one transaction, so that a kill at any moment costs the
//! page that was under way and repeats nothing.

use super::{
    comparing,
    feeds::{
        Desk, Feed, deployments::Deployments, pulls::Pulls, pushes::Pushes, releases::Releases,
    },
    host::{Host, HostError, parameter},
    ledger::Ledger,
    reading::Repository,
    walk::{Cursor, Walk},
};
use backends::postgres::{
    StoreError,
    worker_backfill::{BackfillSource, Found, Position, Stream, Unresolved},
};
use jiff::Timestamp;
use serde_json::Value;

/// Entries whose records are stored together.
const BATCH: usize = 25;
/// Backfills that failed at one entry before what fails is left out of it.
const FAILURES: u32 = 2;
/// Pieces of evidence that are looked at together.
const UNRESOLVED: i32 = 100;

/// Why a list was left.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One source, with what it is read from and written to.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    pub host: &'a Host,
    pub ledger: &'a Ledger,
    pub source: &'a BackfillSource,
}

impl Filling<'_> {
    /// Brings one list of a repository up to date; answers up to when it is known.
    pub async fn stream(
        &self,
        repository: &Repository,
        stream: Stream,
        position: Position,
    ) -> Result<Timestamp, Halt> {
        let desk = Desk {
            host: self.host,
            settings: &self.source.settings,
            repository,
        };
        match stream {
            Stream::Pulls => self.walk(&Pulls(desk), repository, position).await,
            Stream::Pushes => self.walk(&Pushes(desk), repository, position).await,
            Stream::Releases => self.walk(&Releases(desk), repository, position).await,
            Stream::Deployments => self.walk(&Deployments(desk), repository, position).await,
        }
    }

    /// A walk that began in an earlier backfill does not know what came since: another follows it.
    async fn walk<F: Feed + Sync>(
        &self,
        feed: &F,
        repository: &Repository,
        mut position: Position,
    ) -> Result<Timestamp, Halt> {
        loop {
            let started = self.walk_once(feed, repository, &mut position).await?;
            if started >= self.source.started_at {
                return Ok(started);
            }
        }
    }

    async fn walk_once<F: Feed + Sync>(
        &self,
        feed: &F,
        repository: &Repository,
        position: &mut Position,
    ) -> Result<Timestamp, Halt> {
        // A cursor of another build is begun anew.
        let mut cursor: Cursor =
            serde_json::from_value(position.cursor.clone()).unwrap_or_default();
        let fresh = || Walk::new(self.source.started_at);
        let mut walk = cursor.walk.take().unwrap_or_else(fresh);
        let floor = cursor.known_to.max(self.source.settings.since);
        loop {
            let known = position.etag.as_deref().filter(|_| walk.is_fresh());
            let route = feed.route(walk.place.as_deref());
            let reply = match self
                .host
                .get_if_changed::<Vec<F::Entry>>(&route, known)
                .await
            {
                Ok(Some(reply)) => reply,
                Ok(None) => {
                    let etag = position.etag.clone();
                    self.end::<F>(repository, position, &cursor, &walk, etag)
                        .await?;
                    return Ok(walk.started);
                }
                // A place that the host does not know any more; a repository without any commit.
                Err(HostError::Refused(422, _)) if walk.place.is_some() => {
                    walk = fresh();
                    continue;
                }
                Err(HostError::Refused(409, _)) => {
                    self.end::<F>(repository, position, &cursor, &walk, None)
                        .await?;
                    return Ok(walk.started);
                }
                Err(error) => return Err(error.into()),
            };
            if walk.is_fresh() {
                walk.etag = reply.etag;
                walk.newest = reply.body.iter().map(|it| feed.at(it)).max();
            }
            let new = |it: &F::Entry| floor.is_none_or(|floor| feed.at(it) >= floor);
            let is_last = !F::WHOLE && !reply.body.iter().any(new);
            let rest = walk.rest(&reply.body, |it| feed.key(it));
            for batch in rest.chunks(BATCH) {
                self.batch(feed, repository, position, &cursor, &mut walk, batch, new)
                    .await?;
            }
            match reply.next.and_then(|url| parameter(&url, F::PLACE)) {
                Some(next) if !is_last => {
                    walk.place = Some(next);
                    walk.after = None;
                }
                _ => {
                    let etag = walk.etag.clone().filter(|_| walk.undecided.is_none());
                    self.end::<F>(repository, position, &cursor, &walk, etag)
                        .await?;
                    return Ok(walk.started);
                }
            }
        }
    }
    /// Reads some entries and stores what they came to; on an error, what came before it.
    #[allow(clippy::too_many_arguments)]
    async fn batch<F: Feed + Sync>(
        &self,
        feed: &F,
        repository: &Repository,
        position: &mut Position,
        cursor: &Cursor,
        walk: &mut Walk,
        entries: &[F::Entry],
        is_new: impl Fn(&F::Entry) -> bool,
    ) -> Result<(), Halt> {
        let mut found = Vec::new();
        let mut failed = None;
        for entry in entries {
            let (key, at) = (feed.key(entry), feed.at(entry));
            if !is_new(entry) || !feed.concerns(entry) {
                walk.passed(key, at, true);
                continue;
            }
            match feed.read(entry, walk.failures >= FAILURES).await {
                Ok(read) => {
                    found.extend(read.found);
                    walk.passed(key, at, !read.undecided);
                }
                Err(error) => {
                    walk.failures += u32::from(error.is_passing());
                    failed = Some(error);
                    break;
                }
            }
        }
        if !found.is_empty() || failed.is_some() {
            let after = Position {
                cursor: stored(&Cursor {
                    known_to: cursor.known_to,
                    walk: Some(walk.clone()),
                })?,
                etag: position.etag.clone(),
                complete_to: None,
            };
            self.store::<F>(repository, position, &found, after).await?;
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn end<F: Feed>(
        &self,
        repository: &Repository,
        position: &mut Position,
        cursor: &Cursor,
        walk: &Walk,
        etag: Option<String>,
    ) -> Result<(), Halt> {
        let after = Position {
            cursor: stored(&cursor.finished(walk))?,
            etag,
            complete_to: Some(walk.started),
        };
        self.store::<F>(repository, position, &[], after).await
    }

    async fn store<F: Feed>(
        &self,
        repository: &Repository,
        position: &mut Position,
        found: &[Found],
        after: Position,
    ) -> Result<(), Halt> {
        let name = repository.full_name.as_str();
        self.ledger
            .page(
                self.source,
                name,
                F::STREAM,
                &position.cursor,
                found,
                &after,
            )
            .await?;
        *position = after;
        Ok(())
    }

    /// Finds the commits of evidence that was told without them. What the host does not answer now is left for the next backfill and
    /// told last.
    pub async fn resolve(&self) -> Result<(), Halt> {
        let (mut after, mut failed) = (None, None);
        loop {
            let found = self.ledger.unresolved(after.as_ref(), UNRESOLVED).await?;
            for evidence in &found {
                match self.commits(evidence).await {
                    Ok(shas) => self.ledger.resolve(evidence.id, &shas).await?,
                    Err(error) if error.is_everywhere() => return Err(error.into()),
                    Err(error) => failed = Some(error),
                }
            }
            match found.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return failed.map_or(Ok(()), |error| Err(error.into())),
            }
        }
    }

    async fn commits(&self, evidence: &Unresolved) -> Result<Vec<String>, HostError> {
        let repository = Repository::named(&evidence.repository);
        let desk = Desk {
            host: self.host,
            settings: &self.source.settings,
            repository: &repository,
        };
        let (base, head) = if evidence.kind == "release" {
            // A release is told by its tag, which the host compares as it does commits.
            let head = Some(&evidence.stream);
            (evidence.previous_stream.as_deref(), head)
        } else {
            (evidence.previous_sha.as_deref(), evidence.sha.as_ref())
        };
        let Some(head) = head else {
            return Ok(Vec::new());
        };
        match comparing::commits(desk, base, head).await {
            Ok(compared) => Ok(compared.shas()),
            // Rewritten or deleted since: it contains what is known of it.
            Err(HostError::NotFound) => Ok(evidence.sha.iter().cloned().collect()),
            Err(error) => Err(error),
        }
    }
}

fn stored(cursor: &Cursor) -> Result<Value, Halt> {
    Ok(serde_json::to_value(cursor).map_err(StoreError::from)?)
}
