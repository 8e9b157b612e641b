//! The endpoints that a persona uses. Workers call them, the operator never does.

use crate::common::reference::SecretKeyRef;
use crate::common::rules::is_base_url;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The model that writes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ModelSpec {
    /// Base URL of an OpenAI-compatible API, version included, for example `https://api.openai.com/v1`.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = is_base_url())]
    pub endpoint: String,
    /// Name of the model as the endpoint knows it, for example `gpt-4o-mini`.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The API key. The Secret carries the label `threads-agent.io/use: model` and the annotation
    /// `threads-agent.io/hosts` with the endpoint's host.
    pub api_key_secret_ref: SecretKeyRef,
    /// Sampling temperature in basis points, from 0 to 20000; 7000, the default, is 0.7.
    #[serde(default = "default_temperature")]
    #[schemars(range(min = 0, max = 20_000))]
    pub temperature_bp: i32,
    /// Most tokens that one completion may have; the default is 1024.
    #[serde(default = "default_output")]
    #[schemars(range(min = 1, max = 32_768))]
    pub max_output_tokens: i32,
}

/// The model that turns a text into a vector.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EmbeddingSpec {
    /// Base URL of an OpenAI-compatible API, version included, for example `https://api.openai.com/v1`.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = is_base_url())]
    pub endpoint: String,
    /// Name of the embedding model, for example `text-embedding-3-small`. Its vectors must have `vectors.dimensions` numbers.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
    /// The API key. The Secret's label `threads-agent.io/use` names the purpose `embedding`.
    pub secret_ref: SecretKeyRef,
}

/// The model that judges whether a text is harmful.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ModerationSpec {
    /// Base URL of an OpenAI-compatible API, version included, for example `https://api.openai.com/v1`.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = is_base_url())]
    pub endpoint: String,
    /// Name of the moderation model, for example `omni-moderation-latest`.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
    /// The API key. The Secret's label `threads-agent.io/use` names the purpose `moderation`.
    pub secret_ref: SecretKeyRef,
}

fn default_temperature() -> i32 {
    7_000
}

fn default_output() -> i32 {
    1_024
}
