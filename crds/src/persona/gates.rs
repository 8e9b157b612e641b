//! What a text must keep to be stored.

use crate::common::emotion::{EmotionBound, Trajectory};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a text must keep to be stored. A text that does not is written again within the attempt limit, then rejected.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Gates {
    /// What happens to a text that is too similar to an earlier post of this Persona.
    #[serde(default)]
    pub dedup: DedupGate,
    /// The emotion contract. Absent: any emotion passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emotion: Option<EmotionContract>,
    /// Lowest score that passes, in basis points (0 to 10000); 6000 is 60 of 100. Absent: any score passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub min_score_bp: Option<i32>,
}

/// What happens to a text that is too similar to an earlier post.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DedupGate {
    /// Reject ends the task without a post; Regenerate (the default) asks for another text within the attempt limit; Flag
    /// stores the post and marks it.
    #[serde(default)]
    pub action: DedupAction,
    /// Similarity from which a text counts as a duplicate, in basis points (1 to 10000); the default 9200 is 0.92.
    #[serde(default = "default_threshold")]
    #[schemars(range(min = 1, max = 10_000))]
    pub threshold_bp: i32,
}

/// What happens to a duplicate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DedupAction {
    Reject,
    #[default]
    Regenerate,
    Flag,
}

/// The emotions that a post must keep.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.trajectories) || has(self.bounds)",
    "an emotion contract needs trajectories or bounds; remove gates.emotion to allow every emotion",
))]
pub struct EmotionContract {
    /// Allowed movements of the sentiment from beginning to end: rising, falling, stable, volatile. Absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub trajectories: Vec<Trajectory>,
    /// Bounds on single emotions, one entry an emotion, at most eight. An emotion without an entry is free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["emotion".into()]))]
    pub bounds: Vec<EmotionBound>,
}

fn default_threshold() -> i32 {
    9_200
}

impl Default for DedupGate {
    fn default() -> Self {
        Self {
            action: DedupAction::default(),
            threshold_bp: default_threshold(),
        }
    }
}
