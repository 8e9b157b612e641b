//! Posts as the status of a ContentJob shows them.

use crate::common::emotion::{Emotion, Trajectory};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A stored post, without its body.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PostStatus {
    /// Identity of the post (UUID), the same in Postgres and Qdrant.
    #[schemars(length(max = 36))]
    pub id: String,
    /// Place in the job, from 0.
    #[schemars(range(min = 0, max = 199))]
    pub index: i32,
    /// SHA-256 of the text (64 hexadecimal digits).
    #[schemars(length(max = 64))]
    pub digest: String,
    /// Beginning of the hook, at most 140 characters. Absent once the status is shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 140))]
    pub hook: Option<String>,
    /// Variant of the experiment that it was written for; absent outside of experiments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub arm: Option<String>,
    /// Score in basis points (0 to 10000); absent where the language has no analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub score_bp: Option<i32>,
    /// The strongest emotion; absent where there is none, or no analysis for the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emotion: Option<Emotion>,
    /// Movement of the sentiment: rising, falling, stable or volatile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trajectory: Option<Trajectory>,
    /// The most similar earlier post of the Persona; absent for its first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestPost>,
    /// True if the offline stand-in wrote it and no model did.
    #[serde(default)]
    pub stand_in: bool,
}

/// An earlier post and how similar it is.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NearestPost {
    /// Identity of the post (UUID).
    #[schemars(length(max = 36))]
    pub id: String,
    /// Similarity in basis points; 10000 is the same direction, negative is opposite.
    #[schemars(range(min = -10_000, max = 10_000))]
    pub similarity_bp: i32,
}

/// What a plan found. Nothing was written or stored.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Tokens that the whole job would use, prompts and completions of all posts together.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub estimated_tokens: i64,
    /// SHA-256 of the rendered prompt (64 hexadecimal digits).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub prompt_digest: Option<String>,
    /// Beginning of the rendered prompt, at most 500 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub prompt_preview: Option<String>,
    /// The most similar existing posts, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub nearest: Vec<NearestPost>,
}
