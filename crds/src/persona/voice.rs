//! How a persona speaks.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// How the persona speaks. Prompts see these fields as `persona.displayName`, `persona.tone` and so on.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Voice {
    /// Name that readers know, for example `Maya Chen`.
    #[schemars(length(min = 1, max = 100))]
    pub display_name: String,
    /// Language of the posts as a BCP 47 tag, for example `en` or `pt-BR`. Score, sentiment and emotion are analysed for
    /// English alone; with another language they are absent, and a gate that needs them stalls the job.
    #[serde(default = "default_language")]
    #[schemars(
        length(min = 2, max = 35),
        regex(pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    )]
    pub language: String,
    /// Tone in a few words, for example `curious, plain, a little dry`.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub tone: String,
    /// What the persona does and does not do when it writes, in prose.
    #[serde(default)]
    #[schemars(length(max = 8192))]
    pub style_guide: String,
    /// Phrases that no post may hold, upper and lower case alike; at most 50 of at most 200 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 200)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub banned_phrases: Vec<String>,
}

fn default_language() -> String {
    "en".into()
}
