//! [`Tasks`] over Postgres.

use crate::{cli::Settings, ports::Tasks};
use async_trait::async_trait;
use backends::postgres::{
    StoreError,
    worker::{ClaimRequest, CommitOutcome, CompletedPost, RunState, WorkerStore},
};
use domain::tasks::{ClaimedTask, PROTOCOL, TaskFailure, TokenUsage};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// Longest call: a commit may wait for other commits of its persona.
const CALL_PATIENCE: Duration = Duration::from_secs(30);

/// The store with what this worker always says of itself.
#[derive(Debug, Clone)]
pub struct StoredTasks {
    store: WorkerStore,
    request: ClaimRequest,
    run: Uuid,
}

impl StoredTasks {
    #[must_use]
    pub fn new(store: WorkerStore, settings: &Settings) -> Self {
        let request = ClaimRequest {
            persona_uid: settings.persona_uid,
            protocol: PROTOCOL,
            credentials_digest: settings.credentials_digest.clone(),
            worker: settings.pod_name.clone(),
            lease: settings.lease(),
        };
        Self {
            store,
            request,
            run: settings.run_id,
        }
    }
}

#[async_trait]
impl Tasks for StoredTasks {
    async fn claim(&self) -> Result<Option<ClaimedTask>, StoreError> {
        within(self.store.claim(&self.request)).await
    }

    async fn extend(&self, task: &ClaimedTask) -> Result<bool, StoreError> {
        within(self.store.extend(task, self.request.lease)).await
    }

    async fn complete(
        &self,
        task: &ClaimedTask,
        done: &CompletedPost,
    ) -> Result<CommitOutcome, StoreError> {
        within(self.store.complete(task, done, true)).await
    }

    async fn complete_plan(
        &self,
        task: &ClaimedTask,
        plan: &Value,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        within(self.store.complete_plan(task, plan, model, usage)).await
    }

    async fn complete_embedding(
        &self,
        task: &ClaimedTask,
        embedding: &[f32],
        usage: &TokenUsage,
    ) -> Result<Option<i32>, StoreError> {
        let model = &task.persona.embedding.model;
        within(self.store.complete_embedding(task, embedding, model, usage)).await
    }

    async fn fail(
        &self,
        task: &ClaimedTask,
        failure: &TaskFailure,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<String, StoreError> {
        within(self.store.fail(task, failure, model, usage)).await
    }

    async fn reject(
        &self,
        task: &ClaimedTask,
        code: &str,
        message: &str,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        within(self.store.reject(task, code, message, model, usage)).await
    }

    async fn release(
        &self,
        task: &ClaimedTask,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        within(self.store.release(task, model, usage)).await
    }

    async fn run_state(&self) -> Result<RunState, StoreError> {
        within(self.store.run_state(self.run)).await
    }

    async fn mark_points_stored(&self, points: &[(Uuid, i32)]) -> Result<(), StoreError> {
        within(self.store.mark_points_stored(points)).await
    }
}

/// A connection whose other end vanished would be waited for without end. Every call may be repeated, as its lost reply may.
pub(crate) async fn within<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(CALL_PATIENCE, call).await {
        Ok(answered) => answered,
        Err(_) => Err(StoreError::Database(sqlx::Error::PoolTimedOut)),
    }
}
