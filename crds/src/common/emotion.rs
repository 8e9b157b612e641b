//! The words of the emotion contract.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the eight emotions that the analysis knows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Emotion {
    Joy,
    Trust,
    Fear,
    Surprise,
    Sadness,
    Disgust,
    Anger,
    Anticipation,
}

/// How the sentiment moves from a post's beginning to its end.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Trajectory {
    Rising,
    Falling,
    Stable,
    Volatile,
}

/// The bounds that a post must keep for one emotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.minBp <= self.maxBp", "minBp must not be above maxBp; swap them or widen the range"))]
pub struct EmotionBound {
    /// The emotion: joy, trust, fear, surprise, sadness, disgust, anger or anticipation.
    pub emotion: Emotion,
    /// Lowest allowed strength in basis points; 2500 is 0.25.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10_000))]
    pub min_bp: i32,
    /// Highest allowed strength in basis points; 10000, the default, sets no upper bound.
    #[serde(default = "full")]
    #[schemars(range(min = 0, max = 10_000))]
    pub max_bp: i32,
}

fn full() -> i32 {
    10_000
}
