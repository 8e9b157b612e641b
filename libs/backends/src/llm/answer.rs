//! What endpoints answer, as little of it as is needed: servers that call themselves compatible leave out the rest.

use super::{Completion, Embedding, Finish, ModelError, Moderation};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// Field that the transport adds to an answer whose header says that it comes from a stand-in.
pub(super) const STAND_IN_FIELD: &str = "x-stand-in";
/// What a stand-in's fingerprint says of itself.
const STAND_IN_WORD: &str = "stand-in";

/// # Errors
/// [`ModelError::InvalidOutput`] naming the field, never the value.
pub(super) fn decode<T: DeserializeOwned>(answer: Value) -> Result<T, ModelError> {
    serde_json::from_value(answer)
        .map_err(|error| ModelError::invalid_output(super::transport::shorten(&error.to_string())))
}

#[derive(Deserialize)]
pub(super) struct ChatAnswer {
    choices: Vec<Choice>,
    #[serde(default)]
    model: String,
    #[serde(default)]
    system_fingerprint: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default, rename = "x-stand-in")]
    stand_in: bool,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: i64,
    #[serde(default)]
    completion_tokens: i64,
}

impl ChatAnswer {
    pub(super) fn into_completion(self) -> Result<Completion, ModelError> {
        let stand_in = self.stand_in
            || self
                .system_fingerprint
                .is_some_and(|print| print.contains(STAND_IN_WORD));
        let choice = self
            .choices
            .into_iter()
            .next()
            .ok_or_else(|| ModelError::invalid_output("no choices"))?;
        let finish = match choice.finish_reason.as_deref() {
            Some("length") => Finish::Truncated,
            Some("content_filter") => Finish::Filtered,
            _ if choice.message.refusal.is_some() => Finish::Filtered,
            _ => Finish::Complete,
        };
        let text = choice.message.content.unwrap_or_default();
        if text.trim().is_empty() && finish == Finish::Complete {
            return Err(ModelError::invalid_output("an empty text"));
        }
        let usage = self.usage.filter(Usage::is_plausible);
        Ok(Completion {
            text,
            usage_known: usage.is_some(),
            prompt_tokens: usage.as_ref().map_or(0, |usage| usage.prompt_tokens),
            completion_tokens: usage.as_ref().map_or(0, |usage| usage.completion_tokens),
            model: self.model,
            finish,
            stand_in,
        })
    }
}

impl Usage {
    /// Counts below nothing would give budget back.
    fn is_plausible(&self) -> bool {
        self.prompt_tokens >= 0
            && self.completion_tokens >= 0
            && self.prompt_tokens + self.completion_tokens > 0
    }
}

#[derive(Deserialize)]
pub(super) struct EmbeddingAnswer {
    data: Vec<EmbeddingDatum>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct EmbeddingDatum {
    embedding: Encoded,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Encoded {
    Base64(String),
    Numbers(Vec<f32>),
}

impl EmbeddingAnswer {
    pub(super) fn into_embedding(self, dimensions: u32) -> Result<Embedding, ModelError> {
        let datum = self
            .data
            .into_iter()
            .next()
            .ok_or_else(|| ModelError::invalid_output("no embedding"))?;
        let vector = match datum.embedding {
            Encoded::Numbers(numbers) => numbers,
            Encoded::Base64(text) => floats(&text)?,
        };
        if vector.len() != dimensions as usize {
            return Err(ModelError::invalid_output(format!(
                "an embedding of {} dimensions where {dimensions} were asked for",
                vector.len()
            )));
        }
        if !vector.iter().all(|number| number.is_finite()) || vector.iter().all(|n| *n == 0.0) {
            return Err(ModelError::invalid_output(
                "an embedding without a direction",
            ));
        }
        let tokens = self.usage.filter(Usage::is_plausible);
        Ok(Embedding {
            vector,
            tokens: tokens.map(|usage| usage.prompt_tokens),
        })
    }
}

/// Little-endian singles, as OpenAI encodes them.
fn floats(base64: &str) -> Result<Vec<f32>, ModelError> {
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| ModelError::invalid_output("an embedding that is no base64"))?;
    let (singles, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(ModelError::invalid_output(
            "an embedding that is cut off within a number",
        ));
    }
    Ok(singles
        .iter()
        .map(|single| f32::from_le_bytes(*single))
        .collect())
}

#[derive(Deserialize)]
pub(super) struct ModerationAnswer {
    results: Vec<ModerationResult>,
}

#[derive(Deserialize)]
struct ModerationResult {
    flagged: bool,
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
}

impl ModerationAnswer {
    pub(super) fn into_moderation(self) -> Result<Moderation, ModelError> {
        let result = self
            .results
            .into_iter()
            .next()
            .ok_or_else(|| ModelError::invalid_output("no moderation result"))?;
        Ok(Moderation {
            flagged: result.flagged,
            categories: result
                .categories
                .into_iter()
                .filter_map(|(name, hit)| (hit == Some(true)).then_some(name))
                .collect(),
        })
    }
}
