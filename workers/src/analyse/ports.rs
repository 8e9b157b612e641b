//! The outside systems as the analysis sees them, one trait each.

use crate::ports::{Embedding, IndexDown};
use async_trait::async_trait;
use backends::postgres::{
    StoreError,
    worker::RunState,
    worker_achievements::{Analysed, AnalysisTask, Comparison},
};
use domain::{
    achievement::{Analysis, EmbeddingSettings},
    tasks::TaskFailure,
};
use uuid::Uuid;

#[async_trait]
pub trait Embedder: Send + Sync {
    /// The embedding as the endpoint gave it, unchecked.
    ///
    /// # Errors
    /// A failure with its class: transient where another attempt may help, with the wait that the endpoint asked for.
    async fn embed(
        &self,
        settings: &EmbeddingSettings,
        text: &str,
    ) -> Result<Embedding, TaskFailure>;
}

/// Where similar records are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around<'a> {
    pub collection: &'a str,
    /// Unit length.
    pub vector: &'a [f32],
    /// Only records that share one of them.
    pub logins: &'a [String],
    /// A record is no duplicate of itself.
    pub excluding: Uuid,
    /// Cosine similarity, basis points.
    pub at_least_bp: i32,
}

#[async_trait]
pub trait Neighbourhood: Send + Sync {
    /// Ids of the nearest records, the most similar first.
    ///
    /// # Errors
    /// An index that does not answer in time, or refuses.
    async fn near(&self, around: Around<'_>) -> Result<Vec<Uuid>, IndexDown>;
}

/// The rows, which are the truth of all work.
#[async_trait]
pub trait AnalysisTasks: Send + Sync {
    /// Claims the oldest claimable task of this worker's source, or none.
    async fn claim(&self) -> Result<Option<AnalysisTask>, StoreError>;
    /// Prolongs the lease; false where the attempt shall be abandoned.
    async fn extend(&self, task: &AnalysisTask) -> Result<bool, StoreError>;
    async fn complete(
        &self,
        task: &AnalysisTask,
        analysis: &Analysis,
        comparison: Option<&Comparison>,
    ) -> Result<Analysed, StoreError>;
    async fn fail(&self, task: &AnalysisTask, failure: &TaskFailure) -> Result<String, StoreError>;
    async fn release(&self, task: &AnalysisTask) -> Result<(), StoreError>;
    /// Whether rows wait for this worker.
    async fn state(&self) -> Result<RunState, StoreError>;
}
