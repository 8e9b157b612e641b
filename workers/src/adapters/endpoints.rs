//! [`Model`], [`Moderator`] and [`Embedder`] over OpenAI-compatible endpoints.

use crate::{
    credentials::SecretDirectory,
    failure::{INVALID_MODEL_OUTPUT, TIMEOUT},
    ports::{ChatRequest, Completion, Embedder, Embedding, Finish, Model, Moderation, Moderator},
};
use async_trait::async_trait;
use backends::llm::{
    self, ModelClient, ModelEndpoint, ModelError, ModelErrorClass, ModelTransport, Prompt,
};
use domain::{
    revision::{EndpointSettings, ModelSettings},
    tasks::{FailureClass, TaskFailure},
};

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
        let answer = client
            .complete(&prompt)
            .await
            .map_err(|error| failure(MODEL_KEY, &error))?;
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
        let answer = client
            .moderate(text)
            .await
            .map_err(|error| failure(MODERATION_KEY, &error))?;
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
        let answer = client
            .embed(text, dimensions)
            .await
            .map_err(|error| failure(EMBEDDING_KEY, &error))?;
        Ok(Embedding {
            vector: answer.vector,
            tokens: answer.tokens,
        })
    }
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
