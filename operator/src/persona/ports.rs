//! What the reconcile asks of broker and vector index, named for its intent, so that scenario tests can stand in for both.

use async_trait::async_trait;

/// A queue as the broker shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSight {
    Absent,
    /// It stands as it should, with its binding, and holds that many ready messages.
    Standing {
        ready: u64,
    },
    /// It stands, but the binding that feeds it is missing.
    Unbound {
        ready: u64,
    },
    /// It stands with other arguments.
    Different {
        difference: String,
    },
}

/// A collection as the vector index shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectionSight {
    Absent,
    Standing { points: u64 },
    Different { difference: String },
}

/// What a collection shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCollection {
    pub name: String,
    pub dimensions: u32,
    pub distance: String,
}

/// Why a backing service gave no answer that can be used; the text names no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("{0}")]
    Unavailable(String),
    /// What stands there differs, and was left as it is.
    #[error("{0}")]
    Conflict(String),
}

/// The persona's two queues.
#[async_trait]
pub trait QueuePort: Send + Sync {
    /// Looks at a work queue and its binding on the exchange `tasks`.
    async fn work_queue(&self, queue: &str) -> Result<QueueSight, PortError>;
    /// Looks at the dead-letter queue that belongs to the work queue `queue`, and its binding.
    async fn dead_letter_queue(&self, queue: &str) -> Result<QueueSight, PortError>;
    /// Declares a work queue, its dead-letter queue and both bindings; safe to repeat.
    async fn declare(&self, queue: &str) -> Result<(), PortError>;
    /// Deletes one queue by its own name, only while it is empty or holds nothing but what was cancelled.
    async fn delete(&self, queue: &str) -> Result<(), PortError>;
}

/// The persona's collections.
#[async_trait]
pub trait VectorPort: Send + Sync {
    async fn collection(&self, wanted: &WantedCollection) -> Result<CollectionSight, PortError>;
    /// Creates the collection where it is absent; never changes one that stands.
    async fn create(&self, wanted: &WantedCollection) -> Result<(), PortError>;
    /// Deletes a collection; one that is absent is deleted.
    async fn delete(&self, name: &str) -> Result<(), PortError>;
}
