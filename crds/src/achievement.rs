//! Achievement: what was accomplished.

pub mod facts;
pub mod rules;
pub mod status;

pub use facts::{
    AchievementPublish, Category, Facts, Origin, OriginType, PersonRole, Portfolio, TakingPart,
};
pub use status::{
    AchievementStatus, BusinessValueStatus, CONDITIONS, ComponentStatus, ContentJobRef,
    DuplicateStatus, FigureStatus, FindingStatus, ScoreStatus,
};

use crate::common::policy::{DeletionPolicy, DriftPolicy};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Something that was accomplished: by whom, by what evidence, and what that is worth.
///
/// The record stands in Postgres and in the Achievement Collector API; this resource is what a person says of it. A field that
/// is set here wins over what webhook and backfill tell, until it is taken away again. For a pull request that a source
/// collected, the operator makes the resource itself, with nothing but `spec.source`; add to it what you know better. Deleting
/// such a resource leaves a tombstone, so that the pull request does not come back; declaring it anew brings it back.
///
/// What is not public, or holds a secret, is announced only after `threads-agent.io/approve` has named the digest that
/// `status.approvalDigest` shows.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "Achievement",
    plural = "achievements",
    shortname = "ach",
    category = "threads",
    namespaced,
    status = "AchievementStatus",
    derive = "PartialEq",
    cel,
    doc = "An Achievement is something that was accomplished: by whom, by what evidence, and what that is worth. The record stands in Postgres and in the Achievement Collector API; this resource is what a person says of it. A field that is set here wins over what webhook and backfill tell, until it is taken away again. What is not public, or holds a secret, is announced only after the annotation threads-agent.io/approve has named the digest in status.approvalDigest.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    validation = rules::is_not_its_own_duplicate(),
    selectable = ".spec.source.type",
    selectable = ".spec.source.repository",
    selectable = ".status.category",
    printcolumn(name = "Source", type_ = "string", json_path = ".status.source", description = "Pull request that it was, or who says so."),
    printcolumn(name = "Category", type_ = "string", json_path = ".status.category", description = "What kind of work it was."),
    printcolumn(name = "Impact", type_ = "integer", json_path = ".status.impactScore.points", description = "Points of 100 for which there is evidence."),
    printcolumn(name = "Portfolio", type_ = "string", json_path = r#".status.conditions[?(@.type=="PortfolioReady")].status"#, description = "Whether portfolios show it."),
    printcolumn(name = "Post", type_ = "string", json_path = r#".status.conditions[?(@.type=="Published")].reason"#, description = "Whether it was announced, or why not."),
    printcolumn(name = "Title", type_ = "string", json_path = ".status.title", priority = 1, description = "Title in force."),
    printcolumn(name = "Complexity", type_ = "integer", json_path = ".status.complexityScore.points", priority = 1, description = "Points of 100 by counts of the change."),
    printcolumn(name = "Record", type_ = "string", json_path = ".status.recordId", priority = 1, description = "Id of the record in the API."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::what_nobody_tells_has_a_title())]
pub struct AchievementSpec {
    /// Where it comes from. It cannot change: another source is another achievement.
    pub source: Origin,
    /// What a person says of it. What is absent here is taken from the source.
    #[serde(default)]
    pub facts: Facts,
    /// How portfolios show it.
    #[serde(default)]
    pub portfolio: Portfolio,
    /// Who announces it, and from which impact on. Absent: as its AchievementSource says. Without personaRef: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<AchievementPublish>,
    /// Overrules what the analysis found: `none`, or the name of the Achievement (or the id of the record) that says the same.
    /// A duplicate is left out of totals, portfolios and announcements. Absent: the analysis decides by similarity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub duplicate_of: Option<String>,
    /// True leaves the record as it is and announces nothing; status still shows what is known.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the record on deletion. Retain (the default) keeps the record of a declared achievement, and leaves a
    /// tombstone of a collected one. Delete removes the record and what was concluded from it; of a collected one a bare
    /// tombstone stays, so that no backfill brings it back.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens where the record no longer says what this resource says. Repair (the default) puts it right; Report only
    /// says so in the condition Drifted.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
}
