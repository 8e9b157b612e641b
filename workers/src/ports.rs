//! The outside systems as the pipeline sees them, one trait each. Real ones are in [`crate::adapters`], tests bring their own.

use async_trait::async_trait;
use backends::postgres::{
    StoreError,
    worker::{CommitOutcome, CompletedPost, RunState},
};
use domain::{
    revision::{EndpointSettings, ModelSettings, VectorSettings},
    tasks::{ClaimedTask, TaskFailure, TokenUsage},
};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::Uuid;

/// One completion to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRequest {
    pub system: String,
    pub user: String,
    /// Makes a repeat after a crash ask for the same text.
    pub seed: i64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Complete,
    /// The token limit cut the text off.
    Truncated,
    /// The endpoint's own filter held the text back.
    Filtered,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    /// Model that answered, by its own word.
    pub model: String,
    /// The endpoint says that it is an offline stand-in.
    pub stand_in: bool,
    pub finish: Finish,
    /// Prompt and completion tokens; absent where the endpoint does not say.
    pub usage: Option<(i64, i64)>,
}

#[async_trait]
pub trait Model: Send + Sync {
    /// # Errors
    /// A failure with its class: transient where another attempt may help, with the wait that the endpoint asked for.
    async fn complete(
        &self,
        settings: &ModelSettings,
        request: &ChatRequest,
    ) -> Result<Completion, TaskFailure>;
}

/// What a moderation endpoint says of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moderation {
    pub flagged: bool,
    /// Names of the categories that were flagged.
    pub categories: Vec<String>,
}

#[async_trait]
pub trait Moderator: Send + Sync {
    /// # Errors
    /// As [`Model::complete`]; a text that could not be moderated is not posted.
    async fn moderate(
        &self,
        settings: &EndpointSettings,
        text: &str,
    ) -> Result<Moderation, TaskFailure>;
}

/// A text's embedding as the endpoint gave it, unchecked.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    pub vector: Vec<f32>,
    /// Tokens that were charged; absent where the endpoint does not say.
    pub tokens: Option<i64>,
}

#[async_trait]
pub trait Embedder: Send + Sync {
    /// # Errors
    /// As [`Model::complete`].
    async fn embed(
        &self,
        settings: &EndpointSettings,
        dimensions: u32,
        text: &str,
    ) -> Result<Embedding, TaskFailure>;
}

/// A post that is already in the collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    pub id: Uuid,
    /// Cosine similarity in basis points, whatever the collection measures.
    pub similarity_bp: i32,
}

/// One post's point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub id: Uuid,
    pub vector: Vec<f32>,
    pub payload: Map<String, Value>,
    /// Version of the embedding.
    pub version: i32,
}

/// The vector index could not answer; the pipeline goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the vector index did not answer: {0}")]
pub struct IndexDown(pub String);

/// Which posts a comparison is made with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Among<'a> {
    /// A post is no duplicate of itself.
    pub excluding: Uuid,
    /// RFC 3339: only posts from before it; a point that does not say when it was written counts as old. Absent: all.
    pub before: Option<&'a str>,
}

#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// The nearest posts of the space's collection, the most similar first, among those that `among` lets through. The vector
    /// has unit length.
    ///
    /// # Errors
    /// An index that does not answer in time, or refuses.
    async fn nearest(
        &self,
        space: &VectorSettings,
        vector: &[f32],
        among: Among<'_>,
        limit: u32,
    ) -> Result<Vec<Neighbour>, IndexDown>;

    /// Stores a point and waits until it is durable; a repeat with the same id changes nothing.
    ///
    /// # Errors
    /// As [`VectorIndex::nearest`].
    async fn upsert(&self, collection: &str, point: Point) -> Result<(), IndexDown>;
}

/// The rows, which are the truth of all work.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Claims the best claimable task of this worker's persona, or none.
    async fn claim(&self) -> Result<Option<ClaimedTask>, StoreError>;
    /// Prolongs the lease; false where the attempt shall be abandoned.
    async fn extend(&self, task: &ClaimedTask) -> Result<bool, StoreError>;
    async fn complete(
        &self,
        task: &ClaimedTask,
        done: &CompletedPost,
    ) -> Result<CommitOutcome, StoreError>;
    async fn complete_plan(
        &self,
        task: &ClaimedTask,
        plan: &Value,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError>;
    /// Stores the embedding of an edited post; answers its version, or none where the post was edited again meanwhile.
    async fn complete_embedding(
        &self,
        task: &ClaimedTask,
        embedding: &[f32],
        usage: &TokenUsage,
    ) -> Result<Option<i32>, StoreError>;
    async fn fail(
        &self,
        task: &ClaimedTask,
        failure: &TaskFailure,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<String, StoreError>;
    async fn reject(
        &self,
        task: &ClaimedTask,
        code: &str,
        message: &str,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError>;
    async fn release(
        &self,
        task: &ClaimedTask,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError>;
    /// Whether this worker's own run still needs it.
    async fn run_state(&self) -> Result<RunState, StoreError>;
    /// Records that the points of these posts (id, embedding version) are in the index.
    async fn mark_points_stored(&self, points: &[(Uuid, i32)]) -> Result<(), StoreError>;
}

/// Messages that wake this worker. Losing one costs a second of waiting, never work.
#[async_trait]
pub trait Wakeups: Send {
    /// Takes notice of the messages that have arrived, without waiting.
    fn gather(&mut self);
    /// Waits for the next message. Dropping the future loses nothing. While the broker is away it reconnects on its own and just takes longer.
    async fn next(&mut self);
    /// Settles the messages that were noticed; called after the claim that they caused.
    async fn settle(&mut self);
}

/// The systems that the pipeline calls.
#[derive(Clone)]
pub struct Ports {
    pub model: Arc<dyn Model>,
    pub moderator: Arc<dyn Moderator>,
    pub embedder: Arc<dyn Embedder>,
    pub index: Arc<dyn VectorIndex>,
}
