//! OpenAI-compatible endpoints as a worker calls them: completions, embeddings, moderation.
//!
//! One call is one request. Nothing is retried here, because the task rows do the retrying and must count it.

mod answer;
mod error;
mod transport;

pub use error::{ModelError, ModelErrorClass};
pub use transport::{CallLimits, ModelTransport, TransportSettings};

use answer::{ChatAnswer, EmbeddingAnswer, ModerationAnswer, decode};
use async_openai::{Client, config::OpenAIConfig};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// One endpoint with one model.
#[derive(Debug, Clone)]
pub struct ModelEndpoint {
    /// For example `https://api.example.com/v1`, with or without a slash at the end.
    pub base_url: String,
    pub model: String,
    pub api_key: SecretString,
}

/// One completion to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    pub system: String,
    pub user: String,
    /// Makes a repeat ask for the same text, as far as the endpoint heeds it.
    pub seed: i64,
    /// 0 to 2.
    pub temperature: f32,
    pub max_tokens: u32,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Complete,
    /// The token limit cut the text off.
    Truncated,
    /// The endpoint's own filter held the text back.
    Filtered,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    /// 0 where the endpoint does not say; see `usage_known`.
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    /// Whether the endpoint said what the call used.
    pub usage_known: bool,
    /// Model that answered, by its own word.
    pub model: String,
    pub finish: Finish,
    /// The endpoint says that it is an offline stand-in.
    pub stand_in: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    pub vector: Vec<f32>,
    /// Absent where the endpoint does not say.
    pub tokens: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moderation {
    pub flagged: bool,
    /// Names of the categories that were flagged, in their order.
    pub categories: Vec<String>,
}

/// A client of one endpoint; clones and clients over the same [`ModelTransport`] share connections.
#[derive(Debug, Clone)]
pub struct ModelClient {
    model: String,
    client: Client<OpenAIConfig>,
}

impl ModelClient {
    /// # Errors
    /// [`ModelError::Invalid`] for a URL that is none or a key that cannot be sent in a header.
    pub fn new(endpoint: ModelEndpoint, transport: &ModelTransport) -> Result<Self, ModelError> {
        transport::check(&endpoint)?;
        let config = OpenAIConfig::new()
            .with_api_base(endpoint.base_url.trim_end_matches('/'))
            .with_api_key(endpoint.api_key.expose_secret());
        let client = Client::build(transport.http(), config).with_http_service(transport.clone());
        Ok(Self {
            model: endpoint.model,
            client,
        })
    }

    /// # Errors
    /// [`ModelError`]
    pub async fn complete(&self, prompt: &Prompt) -> Result<Completion, ModelError> {
        let request = json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "seed": prompt.seed,
            "temperature": rounded(prompt.temperature),
            "max_tokens": prompt.max_tokens,
        });
        let answer: Value = self.client.chat().create_byot(request).await?;
        decode::<ChatAnswer>(answer)?.into_completion()
    }

    /// The vector is checked for its length and for numbers that are none.
    ///
    /// # Errors
    /// [`ModelError`]
    pub async fn embed(&self, text: &str, dimensions: u32) -> Result<Embedding, ModelError> {
        let request = json!({
            "model": self.model,
            "input": text,
            "dimensions": dimensions,
            // A third of the bytes; endpoints that do not know it answer numbers, which are understood as well.
            "encoding_format": "base64",
        });
        let answer: Value = self.client.embeddings().create_byot(request).await?;
        decode::<EmbeddingAnswer>(answer)?.into_embedding(dimensions)
    }

    /// # Errors
    /// [`ModelError`]; a text that could not be moderated is not to be posted.
    pub async fn moderate(&self, text: &str) -> Result<Moderation, ModelError> {
        let request = json!({"model": self.model, "input": text});
        let answer: Value = self.client.moderations().create_byot(request).await?;
        decode::<ModerationAnswer>(answer)?.into_moderation()
    }
}

/// Two digits: 0.7 as a single is 0.699999988079071 on the wire otherwise.
fn rounded(temperature: f32) -> f64 {
    (f64::from(temperature) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
