//! References to other objects. None has a namespace: everything stands in the namespace of the resource that names it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The track that a prompt reference means when it names neither a track nor a digest.
pub const DEFAULT_TRACK: &str = "production";

/// A key in a Secret of the same namespace.
///
/// The Secret must carry the label `threads-agent.io/use` with the purpose (`model`, `embedding`, `moderation`; several are
/// joined by dots) and the annotation `threads-agent.io/hosts` with the endpoint's host, else its key is not sent there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Key within the Secret; the default is `api-key`.
    #[serde(default = "api_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

fn api_key() -> String {
    "api-key".into()
}

/// A key in a ConfigMap of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Key within the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// A resource of the same namespace, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the resource.
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
}

/// A version of a PromptTemplate of the same namespace: the one that a track names, or the one with a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!(has(self.track) && has(self.digest))",
    "give track or digest, not both: a track follows the template, a digest stays at one version",
))]
pub struct PromptRef {
    /// Name of the PromptTemplate.
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Track whose version is used, for example `canary`. Where digest is absent too, it is `production`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub track: Option<String>,
    /// Digest of the version (64 hexadecimal digits, from `status.versions` of the template); never moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64), regex(pattern = r"^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
}

/// What a [`PromptRef`] asks for, its default applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptSelector<'a> {
    Track(&'a str),
    Digest(&'a str),
}

impl PromptRef {
    /// The digest where one is given, else the track, else [`DEFAULT_TRACK`].
    #[must_use]
    pub fn selector(&self) -> PromptSelector<'_> {
        match (&self.digest, &self.track) {
            (Some(digest), _) => PromptSelector::Digest(digest),
            (None, Some(track)) => PromptSelector::Track(track),
            (None, None) => PromptSelector::Track(DEFAULT_TRACK),
        }
    }
}
