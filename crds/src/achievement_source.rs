//! AchievementSource: where merged pull requests are collected from.

pub mod parts;
pub mod rules;
pub mod status;

pub use parts::{Backfill, Filters, GitHub, SourceEmbedding, Webhook, WebhookSecretRef};
pub use status::{AchievementSourceStatus, CONDITIONS, SourceCounts};

use crate::achievement::AchievementPublish;
use crate::common::policy::DeletionPolicy;
use crate::common::reference::SecretKeyRef;
use crate::common::schema::timestamp;
use crate::common::worker::WorkerSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// A repository, or an account with all its repositories, of which merged pull requests are collected.
///
/// Deliveries of its webhook and backfills make one record a pull request; pushes, releases and successful deployments attach
/// to the pull requests whose commits they contain. The records stand in Postgres and in the Achievement Collector API.
///
/// To connect it: create the Secret with the webhook's secret, apply this resource, and enter the path of
/// `status.webhookPath`, behind the address under which the API is reached, as the webhook's URL at GitHub, with content type
/// `application/json` and the events pull requests, pushes, releases and deployment statuses.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "AchievementSource",
    plural = "achievementsources",
    shortname = "achsrc",
    category = "threads",
    namespaced,
    status = "AchievementSourceStatus",
    derive = "PartialEq",
    cel,
    doc = "An AchievementSource is a repository, or an account with all its repositories, of which merged pull requests are collected by webhook and backfill. Its webhook is delivered to the path in status.webhookPath of the Achievement Collector API.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    selectable = ".spec.github.owner",
    printcolumn(name = "Repository", type_ = "string", json_path = ".status.repository", description = "Repository, or account with all its repositories."),
    printcolumn(name = "CaughtUp", type_ = "string", json_path = r#".status.conditions[?(@.type=="CaughtUp")].status"#, description = "Whether everything merged is known as of the last backfill."),
    printcolumn(name = "Collected", type_ = "integer", json_path = ".status.counts.collected", description = "Records of this source."),
    printcolumn(name = "Lag", type_ = "string", json_path = ".status.lag", description = "Time between the last backfill and when it was looked at."),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, priority = 1, description = "Whether it collects."),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1, description = "Why it is ready or not."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
pub struct AchievementSourceSpec {
    /// What is collected. It cannot change: another repository is another source.
    #[x_kube(validation = rules::github_stands())]
    pub github: GitHub,
    /// Token with read access to the repository. The Secret carries the label `threads-agent.io/use: github` and the annotation
    /// `threads-agent.io/hosts` with the host of apiBaseUrl. Absent: only what is public is read, and only few requests an
    /// hour are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
    /// The secrets by which deliveries are verified. Absent: no delivery is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// What is taken of what the host tells.
    #[serde(default)]
    pub filters: Filters,
    /// What was merged before it is not collected. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub since: Option<Time>,
    /// When the host is asked for what no webhook told.
    #[serde(default)]
    pub backfill: Backfill,
    /// Records that become Achievement resources, the most important first: 0 to 200; the default is 20. All records stand in
    /// the API either way.
    #[serde(default = "twenty")]
    #[schemars(range(min = 0, max = 200))]
    pub resources: i32,
    /// The model that records are compared by. Absent: they are not searched for duplicates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<SourceEmbedding>,
    /// Who announces what is collected, where an Achievement does not say so itself: of the records that became resources, those
    /// that were done since the source was connected.
    #[serde(default)]
    pub publish: AchievementPublish,
    /// How the Pods that analyse and backfill are placed and connected.
    #[serde(default)]
    pub worker: WorkerSpec,
    /// True stops collecting: deliveries and backfills wait, nothing is deleted.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the records on deletion. Retain (the default) keeps them; a source of the same name goes on with them.
    /// Delete removes records, evidence and deliveries, except records for which somebody declared an Achievement.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn twenty() -> i32 {
    20
}
