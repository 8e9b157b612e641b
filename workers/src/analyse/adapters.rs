//! The real systems behind [`super::ports`].

use super::{
    cli::Settings,
    ports::{AnalysisTasks, Around, Embedder, Neighbourhood},
};
use crate::{
    adapters::{endpoints, index, tasks::within},
    credentials::SecretDirectory,
    ports::{Embedding, IndexDown},
};
use async_trait::async_trait;
use backends::{
    llm::{ModelClient, ModelEndpoint, ModelTransport},
    postgres::{
        StoreError,
        achievements::ANALYSIS_PROTOCOL,
        worker::RunState,
        worker_achievements::{Analysed, AnalysisClaim, AnalysisStore, AnalysisTask, Comparison},
    },
    qdrant::{Surroundings, VectorStore},
};
use domain::{
    achievement::{Analysis, EmbeddingSettings},
    tasks::{FailureClass, TaskFailure},
};
use secrecy::SecretString;
use uuid::Uuid;

/// File of the API key.
const KEY: &str = "embedding";

/// An OpenAI-compatible endpoint, as the source declares it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    transport: ModelTransport,
    keys: SecretDirectory,
}

impl Endpoint {
    #[must_use]
    pub fn new(transport: ModelTransport, keys: SecretDirectory) -> Self {
        Self { transport, keys }
    }

    /// The key as it is mounted now; none where the source names none.
    fn key(&self, settings: &EmbeddingSettings) -> Result<SecretString, TaskFailure> {
        if !settings.key {
            return Ok(SecretString::from(""));
        }
        self.keys.read(KEY).map_err(|error| TaskFailure {
            class: FailureClass::Waiting,
            code: "Unauthorized".to_owned(),
            message: format!("no key for the {KEY} endpoint: {error}"),
            retry_after_seconds: None,
        })
    }
}

#[async_trait]
impl Embedder for Endpoint {
    async fn embed(
        &self,
        settings: &EmbeddingSettings,
        text: &str,
    ) -> Result<Embedding, TaskFailure> {
        let endpoint = ModelEndpoint {
            base_url: settings.endpoint.clone(),
            model: settings.model.clone(),
            api_key: self.key(settings)?,
        };
        let answer = async {
            ModelClient::new(endpoint, &self.transport)?
                .embed(text, settings.dimensions)
                .await
        };
        let answer = answer
            .await
            .map_err(|error| endpoints::failure(KEY, &error))?;
        Ok(Embedding {
            vector: answer.vector,
            tokens: answer.tokens,
        })
    }
}

/// The namespace's collection of achievements.
#[derive(Debug, Clone)]
pub struct Collection(VectorStore);

impl Collection {
    #[must_use]
    pub fn new(store: VectorStore) -> Self {
        Self(store)
    }
}

#[async_trait]
impl Neighbourhood for Collection {
    async fn near(&self, around: Around<'_>) -> Result<Vec<Uuid>, IndexDown> {
        let query = self.0.achievements_near(
            around.collection,
            Surroundings {
                vector: around.vector.to_vec(),
                logins: around.logins.to_vec(),
                excluding: around.excluding,
                at_least_bp: around.at_least_bp,
            },
        );
        index::within(index::QUERY_PATIENCE, query).await
    }
}

/// The store with what this worker always says of itself.
#[derive(Debug, Clone)]
pub struct StoredAnalyses {
    store: AnalysisStore,
    request: AnalysisClaim,
}

impl StoredAnalyses {
    #[must_use]
    pub fn new(store: AnalysisStore, settings: &Settings) -> Self {
        let request = AnalysisClaim {
            source_uid: settings.source_uid,
            protocol: ANALYSIS_PROTOCOL,
            credentials_digest: settings.credentials_digest.clone(),
            worker: settings.pod_name.clone(),
            lease: settings.lease(),
        };
        Self { store, request }
    }
}

#[async_trait]
impl AnalysisTasks for StoredAnalyses {
    async fn claim(&self) -> Result<Option<AnalysisTask>, StoreError> {
        within(self.store.claim(&self.request)).await
    }

    async fn extend(&self, task: &AnalysisTask) -> Result<bool, StoreError> {
        within(self.store.extend(task, self.request.lease)).await
    }

    async fn complete(
        &self,
        task: &AnalysisTask,
        analysis: &Analysis,
        comparison: Option<&Comparison>,
    ) -> Result<Analysed, StoreError> {
        within(self.store.complete(task, analysis, comparison)).await
    }

    async fn fail(&self, task: &AnalysisTask, failure: &TaskFailure) -> Result<String, StoreError> {
        within(self.store.fail(task, failure)).await
    }

    async fn release(&self, task: &AnalysisTask) -> Result<(), StoreError> {
        within(self.store.release(task)).await
    }

    async fn state(&self) -> Result<RunState, StoreError> {
        within(self.store.state(&self.request)).await
    }
}
