//! What the operator saw of a PromptTemplate.

use crate::common::condition::ConditionType;
use crate::common::conditions::{conditions_schema, pending_status};
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The conditions of a PromptTemplate, in the order in which documents list them.
pub const CONDITIONS: &[ConditionType] = &[
    ConditionType::Ready,
    ConditionType::Reconciling,
    ConditionType::Stalled,
    ConditionType::Drifted,
    ConditionType::Parsed,
    ConditionType::TracksInSync,
];

/// What the operator saw. Only the operator writes it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = pending_status()))]
pub struct PromptTemplateStatus {
    /// The metadata.generation that this status was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, Drifted, Parsed and TracksInSync.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
    /// Versions that parse, in the order of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub versions: Vec<VersionStatus>,
    /// How many versions parse.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub version_count: Option<i32>,
    /// Tracks as they are in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tracks: Vec<TrackStatus>,
    /// Personas and unfinished ContentJobs of the namespace that refer to the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub used_by: Option<i32>,
}

/// A version that parses.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct VersionStatus {
    /// Name of the version.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Digest of its templates (64 hexadecimal digits); a promptRef may name it.
    #[schemars(length(max = 64))]
    pub digest: String,
    /// Number in the order in which the operator first saw the content, from 1.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub number: i32,
}

/// A track as it is in force.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TrackStatus {
    /// Name of the track.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Name of the version that it means.
    #[schemars(length(min = 1, max = 63))]
    pub version: String,
    /// Digest of that version (64 hexadecimal digits).
    #[schemars(length(max = 64))]
    pub digest: String,
    /// Whether experiments move it.
    #[serde(default)]
    pub managed: bool,
    /// Who said that it means that version: `spec`, or `experiment/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub by: Option<String>,
    /// Since when it means that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub since: Option<Time>,
}
