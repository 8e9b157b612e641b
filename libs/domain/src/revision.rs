//! What a worker needs to know of a persona: the content of an immutable revision row.

use crate::{digest::digest_of, text::contract::EmotionContract};
use serde::{Deserialize, Serialize};

/// A persona as it was when a task was made. Two equal values have the same [`PersonaRevision::digest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonaRevision {
    pub name: String,
    pub voice: Voice,
    pub model: ModelSettings,
    pub embedding: EndpointSettings,
    pub moderation: Option<EndpointSettings>,
    pub vectors: VectorSettings,
    pub gates: Gates,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Voice {
    pub display_name: String,
    /// BCP 47 tag, for example `en`.
    pub language: String,
    pub tone: String,
    pub style_guide: String,
    pub banned_phrases: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSettings {
    #[serde(flatten)]
    pub endpoint: EndpointSettings,
    /// Sampling temperature in basis points: 7000 is 0.7.
    pub temperature_bp: u16,
    /// Bound on the tokens of one completion.
    pub max_output_tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSettings {
    /// Base URL of an OpenAI-compatible API, `/v1` included.
    pub endpoint: String,
    pub model: String,
    /// Secret and key that hold the API key, in the persona's namespace.
    pub secret: SecretKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SecretKey {
    pub name: String,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorSettings {
    pub collection: String,
    pub dimensions: u32,
    /// Qdrant's word: `Cosine`, `Dot` or `Euclid`.
    pub distance: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gates {
    pub dedup: DedupGate,
    pub emotion: Option<EmotionContract>,
    /// Lowest score that passes, in basis points; absent means that every score passes.
    pub min_score_bp: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DedupGate {
    pub action: DedupAction,
    /// Similarity from which a post counts as a duplicate, in basis points.
    pub threshold_bp: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DedupAction {
    /// The task ends rejected.
    Reject,
    /// Another text is asked for, within the attempt limit.
    Regenerate,
    /// The post is kept and marked.
    Flag,
}

impl PersonaRevision {
    /// SHA-256 (hexadecimal) of the canonical JSON.
    #[must_use]
    pub fn digest(&self) -> String {
        digest_of(self)
    }

    /// Digest of the Secrets that a worker Pod must have mounted to run a task of this revision.
    ///
    /// A worker claims only tasks whose digest equals that of its own mounts, so that a persona that changes its Secret
    /// never has a task run with the key of another endpoint.
    #[must_use]
    pub fn credentials_digest(&self) -> String {
        digest_of(&[
            Some((&self.model.endpoint.secret, &self.model.endpoint.endpoint)),
            Some((&self.embedding.secret, &self.embedding.endpoint)),
            self.moderation
                .as_ref()
                .map(|moderation| (&moderation.secret, &moderation.endpoint)),
        ])
    }
}
