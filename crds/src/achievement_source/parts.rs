//! What a source reads, and what it takes of that.

use super::rules;
use crate::common::reference::SecretKeyRef;
use crate::common::rules::is_base_url;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// A repository of a GitHub host, or all repositories of an account.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GitHub {
    /// Account or organisation, for example `acme`.
    #[schemars(
        length(min = 1, max = 39),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$")
    )]
    pub owner: String,
    /// Repository without its owner, for example `shop`. Absent: all repositories of the owner that `filters` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[-A-Za-z0-9_.]+$"))]
    pub repository: Option<String>,
    /// Base URL of the REST API; the default is `https://api.github.com`. An own server has for example
    /// `https://github.corp.example/api/v3`.
    #[serde(default = "public_api")]
    #[schemars(length(max = 500))]
    #[x_kube(validation = is_base_url())]
    pub api_base_url: String,
}

fn public_api() -> String {
    "https://api.github.com".into()
}

/// How deliveries are verified.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The Secret with the webhook's secret. It carries the label `threads-agent.io/use: webhook` and the annotation
    /// `threads-agent.io/hosts` with the host of apiBaseUrl.
    pub secret_ref: WebhookSecretRef,
}

/// Keys of one Secret. A delivery signed with any of them is taken.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSecretRef {
    /// Name of the Secret.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Keys within the Secret, one to five; the default is `webhook-secret` alone. To rotate: add a key with the new secret,
    /// enter it at GitHub, then take the old key away.
    #[serde(default = "webhook_keys")]
    #[schemars(
        length(min = 1, max = 5),
        inner(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub keys: Vec<String>,
}

fn webhook_keys() -> Vec<String> {
    vec!["webhook-secret".into()]
}

/// What is taken of what the host tells. All that is set must hold.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    /// Names of repositories, without owner, that are taken; `*` stands for any characters; at most 50. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub repositories: Vec<String>,
    /// Base branches that are taken; `*` stands for any characters; at most 20. Empty: the default branch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub branches: Vec<String>,
    /// Labels of which a pull request has at least one; at most 20. Empty: none is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub include_labels: Vec<String>,
    /// Labels that keep a pull request out; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub exclude_labels: Vec<String>,
    /// Accounts whose pull requests are taken; at most 100. Empty: everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 100)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub people: Vec<String>,
    /// True takes what bots wrote as well.
    #[serde(default)]
    pub include_bots: bool,
}

/// When the host is asked for what no webhook told.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Backfill {
    /// Between two backfills: a number with `m`, `h` or `d`, from `5m` to `30d`; the default is `6h`.
    #[serde(default = "six_hours")]
    #[schemars(length(min = 2, max = 6), regex(pattern = r"^[1-9][0-9]{0,4}[mhd]$"))]
    #[x_kube(validation = rules::interval_is_bounded())]
    pub every: String,
}

fn six_hours() -> String {
    "6h".into()
}

impl Default for Backfill {
    fn default() -> Self {
        Self { every: six_hours() }
    }
}

impl Backfill {
    /// Shortest and longest interval, seconds.
    pub const BOUNDS: std::ops::RangeInclusive<i64> = 300..=30 * 86_400;

    /// The interval; none where it is written wrongly or out of bounds.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let unit = match self.every.chars().last()? {
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        let number: i64 = self.every[..self.every.len() - 1].parse().ok()?;
        number
            .checked_mul(unit)
            .filter(|seconds| Self::BOUNDS.contains(seconds))
    }
}

/// The model that records are compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceEmbedding {
    /// Base URL of an OpenAI-compatible API, version included, for example `https://api.openai.com/v1`.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = is_base_url())]
    pub endpoint: String,
    /// Name of the embedding model, for example `text-embedding-3-small`.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
    /// Length of a vector, as the model gives it; the default is 1536.
    #[serde(default = "dimensions")]
    #[schemars(range(min = 1, max = 4096))]
    pub dimensions: i32,
    /// The API key. The Secret's label `threads-agent.io/use` names the purpose `embedding`. Absent: the endpoint asks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyRef>,
    /// Similarity from which two records of the same people are duplicates, in basis points; the default, 9000, is 0.9.
    #[serde(default = "duplicate_bp")]
    #[schemars(range(min = 1, max = 10_000))]
    pub duplicate_threshold_bp: i32,
}

fn dimensions() -> i32 {
    1536
}

fn duplicate_bp() -> i32 {
    9_000
}
