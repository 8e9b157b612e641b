//! The commits that one place of a history holds beyond another.

use super::{
    feeds::Desk,
    host::{HostError, parameter},
    reading::encode,
};
use serde::Deserialize;

/// Commits that are looked at for one piece of evidence, at most, in pages of 100: evidence of more pull requests than this finds
/// those that came last.
const PAGES: usize = 25;
/// What the host tells as the one before a branch's first push.
pub const NOTHING: &str = "0000000000000000000000000000000000000000";

/// The parts of a commit that are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Commit {
    pub sha: String,
    pub html_url: Option<String>,
    pub commit: Inner,
    /// Null where no account is known for the address.
    #[serde(default)]
    pub author: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Inner {
    pub message: String,
}

/// Commits, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    pub commits: Vec<Commit>,
}

impl Compared {
    #[must_use]
    pub fn shas(self) -> Vec<String> {
        self.commits.into_iter().map(|it| it.sha).collect()
    }
}

#[derive(Deserialize)]
struct Comparison {
    commits: Vec<Commit>,
}

/// What `head` holds beyond `base`; itself alone where the base is not known any more, or the branch was new; all that it holds,
/// within bounds, where there never was a base.
///
/// # Errors
/// [`HostError::NotFound`] where the head is not known any more; all else that a host answers.
pub async fn commits(
    desk: Desk<'_>,
    base: Option<&str>,
    head: &str,
) -> Result<Compared, HostError> {
    match base {
        Some(NOTHING) => one(desk, head).await,
        Some(base) => match compare(desk, base, head).await {
            Err(HostError::NotFound) => one(desk, head).await,
            compared => compared,
        },
        None => history(desk, head).await,
    }
}

async fn compare(desk: Desk<'_>, base: &str, head: &str) -> Result<Compared, HostError> {
    let (mut commits, mut page) = (Vec::new(), "1".to_owned());
    for _ in 0..PAGES {
        let range = format!("{}...{}", encode(base), encode(head));
        let route = desk.route(&format!("compare/{range}?per_page=100&page={page}"));
        let reply = desk.host.get::<Comparison>(&route).await?;
        commits.extend(reply.body.commits);
        match reply.next.and_then(|url| parameter(&url, "page")) {
            Some(next) => page = next,
            None => break,
        }
    }
    Ok(Compared { commits })
}

async fn history(desk: Desk<'_>, head: &str) -> Result<Compared, HostError> {
    let (mut commits, mut page) = (Vec::new(), "1".to_owned());
    for _ in 0..PAGES {
        let route = format!("commits?sha={}&per_page=100&page={page}", encode(head));
        let reply = desk.host.get::<Vec<Commit>>(&desk.route(&route)).await?;
        commits.extend(reply.body);
        match reply.next.and_then(|url| parameter(&url, "page")) {
            Some(next) => page = next,
            None => break,
        }
    }
    commits.reverse();
    Ok(Compared { commits })
}

/// The head alone.
async fn one(desk: Desk<'_>, head: &str) -> Result<Compared, HostError> {
    let route = desk.route(&format!("commits/{}", encode(head)));
    let reply = desk.host.get::<Commit>(&route).await?;
    Ok(Compared {
        commits: vec![reply.body],
    })
}
