//! What an AchievementSource declares, validated: the column `achievement_sources.settings`.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceSettings {
    /// Lower case, for example `github.com`.
    pub host: String,
    /// For example `https://api.github.com`, without a slash at its end.
    pub api_base_url: String,
    pub owner: String,
    /// Absent: all repositories of the owner that the filters take.
    pub repository: Option<String>,
    pub filters: Filters,
    /// Pull requests merged before it are not collected.
    pub since: Option<jiff::Timestamp>,
    /// Between two backfills, seconds.
    pub backfill_every_seconds: i64,
    /// Records that become resources, at most.
    pub resources: i32,
    pub embedding: Option<EmbeddingSettings>,
    pub publish: PublishSettings,
    pub token: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Filters {
    /// Names without owner that are taken; empty means all. `*` stands for any characters.
    pub repositories: Vec<String>,
    /// Base branches that are taken; empty means the default branch.
    pub branches: Vec<String>,
    pub include_labels: Vec<String>,
    pub exclude_labels: Vec<String>,
    /// Logins whose pull requests are taken; empty means everybody.
    pub people: Vec<String>,
    pub include_bots: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddingSettings {
    pub endpoint: String,
    pub model: String,
    pub dimensions: u32,
    /// Whether a key is mounted for it.
    pub key: bool,
    /// Similarity from which two records are duplicates, basis points.
    pub duplicate_bp: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PublishSettings {
    pub persona: Option<String>,
    pub minimum_impact: i32,
    pub allow_private: bool,
}
