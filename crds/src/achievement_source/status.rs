//! What the operator saw of a source.

use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The conditions of an AchievementSource, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Reachable,
    ConditionType::WebhookVerified,
    ConditionType::CaughtUp,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct AchievementSourceStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Reachable, WebhookVerified and CaughtUp.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Repository as `owner/name`, or `owner/*` where all of the account's are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 160))]
    pub repository: Option<String>,
    /// Path of the API that takes the webhook's deliveries. It changes when the resource is deleted and made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub webhook_path: Option<String>,
    /// When the last delivery with a good signature came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub last_delivery: Option<Time>,
    /// Everything that was merged up to then is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub caught_up_to: Option<Time>,
    /// How long before this look that was, for example `12m` or `3h`. Absent before the first backfill ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub lag: Option<String>,
    /// How much there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<SourceCounts>,
}

/// Numbers of records.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SourceCounts {
    /// Records of this source that were not deleted.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub collected: i64,
    /// Those of them whose newest facts were analysed.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub analysed: i64,
    /// Deliveries that were taken and are not handled yet.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub waiting: i64,
}
