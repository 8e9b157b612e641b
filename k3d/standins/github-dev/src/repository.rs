//! What the stand-in knows of a repository.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A repository with a linear history of its default branch.
#[derive(Debug, Clone)]
pub struct Repository {
    pub id: i64,
    pub owner: String,
    pub organization: bool,
    pub name: String,
    pub private: bool,
    pub default_branch: String,
    pub created_at: Timestamp,
    /// Oldest first.
    pub commits: Vec<Commit>,
    pub pulls: Vec<Pull>,
    pub releases: Vec<Release>,
    pub deployments: Vec<Deployment>,
    pub pushes: Vec<Push>,
}

impl Repository {
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Place of a commit that a sha, a tag or the default branch's name points at.
    #[must_use]
    pub fn resolve(&self, reference: &str) -> Option<usize> {
        if reference == self.default_branch {
            return self.commits.len().checked_sub(1);
        }
        let tagged = self.releases.iter().find(|it| it.tag == reference);
        let sha = tagged.map_or(reference, |release| &release.sha);
        self.commits.iter().position(|commit| commit.sha == sha)
    }
}

#[derive(Debug, Clone)]
pub struct Commit {
    pub sha: String,
    pub message: String,
    pub author: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Pull {
    pub number: i64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub merged_by: String,
    pub assignees: Vec<String>,
    pub labels: Vec<String>,
    pub base: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Closed without a merge, or still open, where absent.
    pub merged_at: Option<Timestamp>,
    pub open: bool,
    pub head_sha: String,
    pub merge_sha: Option<String>,
    pub commits: u32,
    pub comments: u32,
    pub review_comments: u32,
    pub files: Vec<File>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    pub path: String,
    pub additions: u32,
    pub deletions: u32,
    #[serde(default = "modified")]
    pub status: String,
}

fn modified() -> String {
    "modified".to_owned()
}

#[derive(Debug, Clone)]
pub struct Release {
    pub id: i64,
    pub tag: String,
    pub name: String,
    pub sha: String,
    pub author: String,
    pub draft: bool,
    pub prerelease: bool,
    pub created_at: Timestamp,
    pub published_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Deployment {
    pub id: i64,
    pub environment: String,
    pub sha: String,
    pub creator: String,
    pub created_at: Timestamp,
    /// (state, when), oldest first.
    pub statuses: Vec<(String, Timestamp)>,
}

impl Deployment {
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.statuses.last().map_or(self.created_at, |(_, at)| *at)
    }
}

/// How commits came to a branch, as GitHub's list of activities names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    Push,
    ForcePush,
    PullRequestMerge,
}

impl Happened {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::ForcePush => "force_push",
            Self::PullRequestMerge => "pr_merge",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Push {
    pub id: i64,
    pub branch: String,
    pub before: String,
    pub after: String,
    pub actor: String,
    pub at: Timestamp,
    pub happened: Happened,
}

/// Forty hexadecimal digits made of the parts.
#[must_use]
pub fn sha(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A positive id made of the parts.
#[must_use]
pub fn id(parts: &[&str]) -> i64 {
    let digits = sha(parts);
    i64::from_str_radix(&digits[..10], 16).unwrap_or(1)
}
