//! The repositories of a source, one after the other: what goes wrong with one does not hold back the others.

use super::{
    fill::{Filling, Halt},
    host::{HostError, parameter},
    reading::{Repository, encode},
};
use backends::postgres::{
    StoreError,
    worker_backfill::{BackfillSource, Stream},
};
use jiff::Timestamp;
use std::time::Duration;

/// Repositories of which the host answers nothing, one after the other, before the rest is left for the next backfill.
const SILENT: u32 = 3;

/// How a backfill ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The source is gone, suspended, or of other credentials; or another worker is at it.
    NothingToDo,
    CaughtUp,
    /// Something is not known; the source's row says why and when to try again.
    Failed,
    /// This worker was asked to stop; the next one goes on where it stood.
    Stopped,
}

/// What went wrong first, and how much did.
#[derive(Debug, Default)]
struct Troubles {
    first: Option<(HostError, String)>,
    more: u32,
    /// The shortest wait after which something may fare better; a limit of the rate outweighs it.
    retry: Option<Duration>,
}

impl Troubles {
    fn add(&mut self, error: HostError, place: String) {
        tracing::warn!(place, %error, "not read");
        let wait = error.retry_after();
        self.retry = Some(match self.retry {
            Some(other) if !error.is_everywhere() => other.min(wait),
            _ => wait,
        });
        match self.first {
            // What meets every request is the cause of the rest.
            Some(_) if !error.is_everywhere() => self.more += 1,
            Some(_) => {
                self.more += 1;
                self.first = Some((error, place));
            }
            None => self.first = Some((error, place)),
        }
    }
}

impl Filling<'_> {
    /// Fills all repositories and says in the source's row how that ended.
    ///
    /// # Errors
    /// The store's.
    pub async fn run(&self) -> Result<Ending, StoreError> {
        let mut troubles = Troubles::default();
        let mut known_to = self.source.started_at;
        match self.all(&mut troubles, &mut known_to).await {
            Ok(()) => {}
            Err(Halt::Store(error)) => return Err(error),
            Err(Halt::Host(HostError::Stopped)) => return Ok(Ending::Stopped),
            Err(Halt::Host(error)) => troubles.add(error, self.source.settings.owner.clone()),
        }
        let Some((error, place)) = &troubles.first else {
            self.ledger.done(known_to).await?;
            return Ok(Ending::CaughtUp);
        };
        let more = match troubles.more {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let retry = troubles.retry.unwrap_or_default();
        self.ledger
            .failed(
                error.code(),
                &format!("{place}: {error}{more}"),
                retry,
                error.is_an_answer(),
            )
            .await?;
        Ok(Ending::Failed)
    }

    async fn all(&self, troubles: &mut Troubles, known_to: &mut Timestamp) -> Result<(), Halt> {
        let settings = &self.source.settings;
        if let Some(name) = &settings.repository {
            let route = format!("/repos/{}/{}", encode(&settings.owner), encode(name));
            let place = format!("{}/{name}", settings.owner);
            match self.host.get::<Repository>(&route).await {
                Ok(reply) => {
                    let source = renamed(self.source, &reply.body.full_name);
                    let filling = Filling {
                        source: &source,
                        ..*self
                    };
                    filling.one(&reply.body, troubles, known_to).await?;
                }
                Err(HostError::Stopped) => return Err(HostError::Stopped.into()),
                Err(error) => {
                    troubles.add(error, place);
                    return Ok(());
                }
            }
        } else {
            self.owned(troubles, known_to).await?;
        }
        self.resolve().await
    }

    /// The repositories of an organisation, or of a person.
    async fn owned(&self, troubles: &mut Troubles, known_to: &mut Timestamp) -> Result<(), Halt> {
        let owner = encode(&self.source.settings.owner);
        let (mut kind, mut page, mut silent) = ("orgs", "1".to_owned(), 0);
        loop {
            let route = format!("/{kind}/{owner}/repos?sort=full_name&per_page=50&page={page}");
            let reply = match self.host.get::<Vec<Repository>>(&route).await {
                Err(HostError::NotFound) if kind == "orgs" => {
                    kind = "users";
                    continue;
                }
                reply => reply?,
            };
            for repository in &reply.body {
                if !self.source.settings.takes_repository(&repository.full_name) {
                    continue;
                }
                silent = if self.one(repository, troubles, known_to).await? {
                    0
                } else {
                    silent + 1
                };
                if silent >= SILENT {
                    return Ok(());
                }
            }
            match reply.next.and_then(|url| parameter(&url, "page")) {
                Some(next) => page = next,
                None => return Ok(()),
            }
        }
    }

    /// All lists of a repository; false where the host did not answer. What meets every request ends it.
    async fn one(
        &self,
        repository: &Repository,
        troubles: &mut Troubles,
        known_to: &mut Timestamp,
    ) -> Result<bool, Halt> {
        let mut positions = self.ledger.positions(&repository.full_name).await?;
        for stream in Stream::ALL {
            let position = positions.remove(&stream).unwrap_or_default();
            match self.stream(repository, stream, position).await {
                Ok(known) => *known_to = known.min(*known_to),
                Err(Halt::Host(error)) if !error.is_everywhere() => {
                    let silent = matches!(error, HostError::Unavailable(_));
                    // Older hosts do not list activities, and say so by 404.
                    if stream == Stream::Pushes && error == HostError::NotFound {
                        tracing::warn!(
                            repository = repository.full_name,
                            "the host lists no pushes"
                        );
                        continue;
                    }
                    let place = format!("{} {}", repository.full_name, stream.as_str());
                    troubles.add(error, place);
                    if silent {
                        return Ok(false);
                    }
                }
                Err(halt) => return Err(halt),
            }
        }
        Ok(true)
    }
}

/// The source of one repository under the name that it has now: the host leads from an old name to the new one, and what a source
/// takes is told by names.
fn renamed(source: &BackfillSource, full_name: &str) -> BackfillSource {
    let mut source = source.clone();
    if let Some((owner, name)) = full_name.split_once('/')
        && !source.settings.takes_repository(full_name)
    {
        tracing::info!(full_name, "the repository has another name now");
        owner.clone_into(&mut source.settings.owner);
        source.settings.repository = Some(name.to_owned());
        // It was chosen by its old name.
        source.settings.filters.repositories.clear();
    }
    source
}
