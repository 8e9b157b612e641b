//! What is known of an achievement before anything is concluded from it. These shapes are stored as JSON and cross the boundary
//! to the workers' functions: fields are added, never renamed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The column's words.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Feature,
    Optimization,
    Bugfix,
    Infrastructure,
    Documentation,
    Testing,
    Security,
    Performance,
    Architecture,
    Content,
    Business,
    Milestone,
    #[default]
    Uncategorized,
}

/// Who may see where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    Public,
    Internal,
    /// What is not known to be public is private.
    #[default]
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    Author,
    CoAuthor,
    Assignee,
    Reviewer,
    Merger,
    Releaser,
    Deployer,
}

/// Somebody who had a part in it; bots are left out before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    pub login: String,
    pub role: Role,
}

/// One file of a change, as the host counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    pub path: String,
    pub additions: u32,
    pub deletions: u32,
    /// added, modified, removed, renamed.
    pub status: String,
}

/// A merged pull request, the same whether a webhook or a backfill told it. Absent means that it was not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// Lower case, for example `github.com`.
    pub host: String,
    pub repository_id: i64,
    /// `owner/name`
    pub repository: String,
    pub number: i64,
    pub title: String,
    /// Untrusted text.
    pub body: Option<String>,
    pub url: String,
    pub visibility: Visibility,
    pub base_ref: String,
    pub default_branch: bool,
    pub labels: Vec<String>,
    pub people: Vec<Person>,
    pub created_at: Option<Timestamp>,
    pub merged_at: Timestamp,
    /// When the host changed it last: of two tellings the later wins.
    pub updated_at: Timestamp,
    pub merge_commit_sha: Option<String>,
    pub head_sha: Option<String>,
    pub commits: Option<u32>,
    pub comments: Option<u32>,
    pub review_comments: Option<u32>,
    pub additions: Option<u32>,
    pub deletions: Option<u32>,
    pub changed_files: Option<u32>,
    /// Only a backfill asks for them.
    pub files: Option<Vec<FileChange>>,
    /// Number of the pull request of the same repository that it takes back.
    pub reverts: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    Push,
    Release,
    Deployment,
}

/// A push, a release or a successful deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub host: String,
    pub repository_id: i64,
    pub repository: String,
    /// What the host calls it: the newest commit of a push, the id of a release or deployment.
    pub external_id: String,
    pub title: String,
    pub url: Option<String>,
    /// Branch of a push, tag of a release, environment of a deployment.
    pub stream: String,
    pub sha: Option<String>,
    /// Commits that it contains beyond its predecessor; absent until that is known.
    pub shas: Option<Vec<String>>,
    pub at: Timestamp,
    pub people: Vec<Person>,
}

/// What a person set on a record; each wins over what webhook and backfill tell, until it is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// As text, for example `saves 3 hours a week`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<Person>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio_section: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// `none`, or the id of the record that it duplicates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<String>,
}

/// What analysis looks at: a record with the evidence that is attached to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    pub id: Uuid,
    pub title: String,
    /// Untrusted text.
    pub description: Option<String>,
    /// What a person set; else analysis decides.
    pub category: Option<Category>,
    pub people: Vec<Person>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub visibility: Visibility,
    /// What a person declared, as text; else it is looked for in the description.
    pub business_value: Option<String>,
    pub pull_request: Option<PullRequest>,
    pub evidence: Vec<Evidence>,
}
