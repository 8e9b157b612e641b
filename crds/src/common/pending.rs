//! What a deletion still has to remove.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that goes with the resource while it is being deleted under `deletionPolicy: Delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingDeletion {
    /// The system that holds it: `rabbitmq`, `qdrant`, `postgres` or `kubernetes`.
    #[schemars(length(min = 1, max = 32))]
    pub system: String,
    /// Its name there, for example the queue's or the collection's.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// How many messages, points or rows it holds, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub objects: Option<i64>,
}
