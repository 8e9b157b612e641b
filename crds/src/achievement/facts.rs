//! What a person says of an achievement.

use super::rules;
use crate::common::reference::LocalRef;
use crate::common::schema::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an achievement comes from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::source_stands())]
#[x_kube(validation = rules::pull_requests_are_named())]
#[x_kube(validation = rules::only_pull_requests_are_numbered())]
pub struct Origin {
    /// GitHubPR for a merged pull request that an AchievementSource collects; Manual (the default) for what only people know
    /// of; CI for what a build reports.
    #[serde(default, rename = "type")]
    pub type_: OriginType,
    /// Host of the pull request, in lower case; absent means `github.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?$")
    )]
    pub host: Option<String>,
    /// Repository, for example `acme/shop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 3, max = 140),
        regex(pattern = r"^[A-Za-z0-9][-A-Za-z0-9_.]*/[A-Za-z0-9_.][-A-Za-z0-9_.]*$")
    )]
    pub repository: Option<String>,
    /// Number of the repository at its host, which stays when the repository is renamed. The operator gives it where it knows
    /// it; people need not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub repository_id: Option<i64>,
    /// Number of the pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub number: Option<i64>,
    /// Where people can look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 500))]
    #[x_kube(validation = rules::is_link())]
    pub url: Option<String>,
}

impl Origin {
    /// The host in force.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or("github.com")
    }
}

/// What stands behind an achievement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OriginType {
    GitHubPR,
    #[default]
    Manual,
    CI,
}

/// What a person says; each field wins over what a host tells.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::times_run_forwards())]
pub struct Facts {
    /// What was done, in one line of at most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// What was done and why, at most 16384 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub description: Option<String>,
    /// What kind of work it was: feature, optimization, bugfix, infrastructure, documentation, testing, security, performance,
    /// architecture, content, business, milestone or uncategorized. Absent: labels and title decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// When work on it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub started_at: Option<Time>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub completed_at: Option<Time>,
    /// What it is worth, in words that are read for figures, for example `saves 3 hours a week (measured in Grafana)`; at most
    /// 2000 characters. Absent: the description is read. A figure that nothing but words stand behind counts little.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub business_value: Option<String>,
    /// Who had a part in it, at most 50. Absent: the people whom the host names, without bots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["login".into(), "role".into()]))]
    pub people: Vec<TakingPart>,
}

/// Somebody who had a part in it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TakingPart {
    /// Name of the account at the host, for example `octocat`.
    #[schemars(
        length(min = 1, max = 100),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9_])?$")
    )]
    pub login: String,
    /// Which part: Author (the default), CoAuthor, Assignee, Reviewer, Merger, Releaser or Deployer.
    #[serde(default)]
    pub role: PersonRole,
}

/// Which part somebody had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PersonRole {
    #[default]
    Author,
    CoAuthor,
    Assignee,
    Reviewer,
    Merger,
    Releaser,
    Deployer,
}

/// What kind of work it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Feature,
    Optimization,
    Bugfix,
    Infrastructure,
    Documentation,
    Testing,
    Security,
    Performance,
    Architecture,
    Content,
    Business,
    Milestone,
    Uncategorized,
}

/// How portfolios show it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Portfolio {
    /// Heading under which it stands, at most 100 characters. Absent: its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub section: Option<String>,
    /// What stands first in its section, 0 to 100; the default is 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub priority: Option<i32>,
    /// True leaves it out of portfolios, lists of the API and announcements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
}

/// Who announces it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AchievementPublish {
    /// The Persona that announces it once, by one ContentJob. Absent: nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona_ref: Option<LocalRef>,
    /// Impact from which it is announced, 0 to 100 points; the default is 60.
    #[serde(default = "sixty")]
    #[schemars(range(min = 0, max = 100))]
    pub minimum_impact: i32,
    /// True lets a private or internal repository's achievement, one of category security, or one with findings, be announced
    /// after a person's yes: the annotation `threads-agent.io/approve` with the value of `status.approvalDigest`.
    #[serde(default)]
    pub allow_private: bool,
}

fn sixty() -> i32 {
    60
}

impl Default for AchievementPublish {
    fn default() -> Self {
        Self {
            persona_ref: None,
            minimum_impact: sixty(),
            allow_private: false,
        }
    }
}
