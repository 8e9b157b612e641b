//! [`Model`], [`Moderator`] and [`Embedder`] over OpenAI-compatible endpoints.

use crate::{
    credentials::SecretDirectory,
    failure::{INVALID_MODEL_OUTPUT, TIMEOUT},
    ports::{ChatRequest, Completion, Embedder, Embedding, Finish, Model, Moderation, Moderator},
    trace,
};
use async_trait::async_trait;
use backends::llm::{
    self, ModelClient, ModelEndpoint, ModelError, ModelErrorClass, ModelTransport, Prompt,
};
use domain::{
    revision::{EndpointSettings, ModelSettings},
    tasks::{FailureClass, TaskFailure},
};
use futures::TryFutureExt;
use tracing::Span;

/// Files of the API keys.
const MODEL_KEY: &str = "model";
const EMBEDDING_KEY: &str = "embedding";
const MODERATION_KEY: &str = "moderation";

/// All endpoints of a persona, over one set of connections; each has its own key.
#[derive(Debug, Clone)]
pub struct Endpoints {
    transport: ModelTransport,
    keys: SecretDirectory,
}

impl Endpoints {
    #[must_use]
    pub fn new(transport: ModelTransport, keys: SecretDirectory) -> Self {
        Self { transport, keys }
    }

    /// A client with the key as it is mounted now.
    fn client(&self, settings: &EndpointSettings, key: &str) -> Result<ModelClient, TaskFailure> {
        let api_key = self.keys.read(key).map_err(|error| TaskFailure {
            class: FailureClass::Waiting,
            code: "Unauthorized".to_owned(),
            message: format!("no key for the {key} endpoint: {error}"),
            retry_after_seconds: None,
        })?;
        let endpoint = ModelEndpoint {
            base_url: settings.endpoint.clone(),
            model: settings.model.clone(),
            api_key,
        };
        ModelClient::new(endpoint, &self.transport).map_err(|error| failure(key, &error))
    }
}

#[async_trait]
impl Model for Endpoints {
    async fn complete(
        &self,
        settings: &ModelSettings,
        request: &ChatRequest,
    ) -> Result<Completion, TaskFailure> {
        let prompt = Prompt {
            system: request.system.clone(),
            user: request.user.clone(),
            seed: request.seed,
            temperature: f32::from(settings.temperature_bp) / 10_000.0,
            max_tokens: settings.max_output_tokens,
        };
        let client = self.client(&settings.endpoint, MODEL_KEY)?;
        let span = model_call("chat", &settings.endpoint);
        let completing = client
            .complete(&prompt)
            .map_err(|error| failure(MODEL_KEY, &error));
        let answer = trace::within(&span, trace::code, completing).await?;
        span.record("gen_ai.usage.input_tokens", answer.prompt_tokens);
        span.record("gen_ai.usage.output_tokens", answer.completion_tokens);
        Ok(Completion {
            usage: answer
                .usage_known
                .then_some((answer.prompt_tokens, answer.completion_tokens)),
            text: answer.text,
            model: answer.model,
            stand_in: answer.stand_in,
            finish: match answer.finish {
                llm::Finish::Complete => Finish::Complete,
                llm::Finish::Truncated => Finish::Truncated,
                llm::Finish::Filtered => Finish::Filtered,
            },
        })
    }
}

#[async_trait]
impl Moderator for Endpoints {
    async fn moderate(
        &self,
        settings: &EndpointSettings,
        text: &str,
    ) -> Result<Moderation, TaskFailure> {
        let client = self.client(settings, MODERATION_KEY)?;
        let moderating = client
            .moderate(text)
            .map_err(|error| failure(MODERATION_KEY, &error));
        let span = model_call("moderations", settings);
        let answer = trace::within(&span, trace::code, moderating).await?;
        Ok(Moderation {
            flagged: answer.flagged,
            categories: answer.categories,
        })
    }
}

#[async_trait]
impl Embedder for Endpoints {
    async fn embed(
        &self,
        settings: &EndpointSettings,
        dimensions: u32,
        text: &str,
    ) -> Result<Embedding, TaskFailure> {
        let client = self.client(settings, EMBEDDING_KEY)?;
        let embedding = client
            .embed(text, dimensions)
            .map_err(|error| failure(EMBEDDING_KEY, &error));
        let span = model_call("embeddings", settings);
        let answer = trace::within(&span, trace::code, embedding).await?;
        Ok(Embedding {
            vector: answer.vector,
            tokens: answer.tokens,
        })
    }
}

fn model_call(operation: &'static str, settings: &EndpointSettings) -> Span {
    trace::model_call(operation, &settings.model, &settings.endpoint)
}

/// What an endpoint's failure means for the task (FAULTS 37, 38). A refused key is waited for within the attempt limit: a
/// new one may be on its way.
pub(crate) fn failure(endpoint: &str, error: &ModelError) -> TaskFailure {
    let (class, code) = match error.class() {
        ModelErrorClass::RateLimited => (FailureClass::Transient, "RateLimited"),
        ModelErrorClass::Unavailable => (FailureClass::Transient, "Unavailable"),
        ModelErrorClass::Timeout => (FailureClass::Transient, TIMEOUT),
        ModelErrorClass::InvalidOutput => (FailureClass::Transient, INVALID_MODEL_OUTPUT),
        ModelErrorClass::Unauthorized => (FailureClass::Waiting, "Unauthorized"),
        ModelErrorClass::Invalid => (FailureClass::Invalid, "RequestRefused"),
    };
    let wait = error
        .retry_after()
        .map(|wait| u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX));
    TaskFailure {
        class,
        code: code.to_owned(),
        message: format!("{endpoint}: {error}"),
        retry_after_seconds: wait,
    }
}

#[cfg(test)]
mod tests;
