//! The policies that every kind has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the records when the resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Retain,
    Delete,
}

/// What the operator does where reality no longer matches the resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    #[default]
    Repair,
    Report,
}
