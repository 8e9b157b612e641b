//! A task as a worker sees it, and what the worker says of it. The Postgres functions take and give these as JSON.

use crate::revision::PersonaRevision;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The worker protocol of this build. A worker claims tasks of its own protocol and older ones.
pub const PROTOCOL: i32 = 2;

/// What a task is to produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One post.
    Generate,
    /// An estimate, and the nearest existing posts; stores no post.
    Plan,
    /// The embedding of a post that a person edited.
    Embed,
}

impl TaskKind {
    /// Oldest protocol whose workers understand such a task.
    #[must_use]
    pub fn protocol(self) -> i32 {
        match self {
            Self::Generate | Self::Plan => 1,
            Self::Embed => PROTOCOL,
        }
    }
}

/// The text that an [`TaskKind::Embed`] task is about: one revision of one post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedPost {
    pub id: Uuid,
    pub revision: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    Post,
    Thread,
    Announcement,
}

/// What is the same for all tasks of a run; the `payload` column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskPayload {
    pub input: String,
    pub content_type: ContentType,
    /// Number of posts in the run.
    pub count: i32,
    /// Bound on one attempt, in seconds.
    pub attempt_seconds: u32,
    /// Only of [`TaskKind::Embed`]; then `input` is the post's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<EditedPost>,
    /// The W3C Trace Context of what accepted the run; none where nothing is traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The prompt version that a task pins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    pub digest: String,
    pub system: String,
    pub hook: String,
    pub body: String,
    /// Declared variables with the values they take here.
    #[serde(default)]
    pub variables: serde_json::Map<String, serde_json::Value>,
}

/// A claimed task: everything that the pipeline needs, and the lease under which it may commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedTask {
    pub id: Uuid,
    /// Only a commit that names this token counts.
    pub lease_token: Uuid,
    pub kind: TaskKind,
    pub namespace: String,
    pub run_id: Uuid,
    pub persona_uid: Uuid,
    /// Place in the run, from 0.
    pub index: i32,
    /// Attempts charged before this one.
    pub retry_count: i32,
    pub max_attempts: i32,
    pub payload: TaskPayload,
    pub persona: PersonaRevision,
    pub prompt: Prompt,
    /// The database's clock at the claim; what was committed later is not in an index that was read before.
    pub claimed_at: String,
    /// RFC 3339. A post of an experiment is compared only with posts from before the experiment's start; absent outside one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup_before: Option<String>,
}

/// Tokens that the calls of one attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub embedding_tokens: i64,
}

impl TokenUsage {
    #[must_use]
    pub fn total(&self) -> i64 {
        self.prompt_tokens + self.completion_tokens + self.embedding_tokens
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.embedding_tokens += other.embedding_tokens;
    }
}

/// How an attempt ended without a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskFailure {
    pub class: FailureClass,
    /// One word for machines, for example `RateLimited` or `InvalidModelOutput`.
    pub code: String,
    /// One sentence for people; never holds a secret.
    pub message: String,
    /// Seconds that the other side asked us to wait.
    pub retry_after_seconds: Option<u32>,
}

/// What a failure asks of whoever sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// The declaration is wrong; trying again cannot help.
    Invalid,
    /// Something that is expected to come is not there yet.
    Waiting,
    /// Worth another attempt.
    Transient,
    /// Our own mistake.
    Bug,
}

impl FailureClass {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Waiting => "waiting",
            Self::Transient => "transient",
            Self::Bug => "bug",
        }
    }
}
