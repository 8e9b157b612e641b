//! The store as a backfill uses it: a database that does not answer is waited for, within bounds.

use crate::{backoff::Backoff, stop::Stop};
use backends::postgres::{
    ErrorClass, StoreError,
    worker::WorkerStore,
    worker_backfill::{BackfillSource, Found, Page, Position, Stream, Unresolved},
};
use jiff::Timestamp;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// Tries of one call; with the waits between them about a minute.
const TRIES: u32 = 15;

#[derive(Debug, Clone)]
pub struct Ledger {
    store: WorkerStore,
    source: Uuid,
    stop: Stop,
}

impl Ledger {
    #[must_use]
    pub fn new(store: WorkerStore, source: Uuid, stop: Stop) -> Self {
        Self {
            store,
            source,
            stop,
        }
    }

    pub async fn source(&self, credentials: &str) -> Result<Option<BackfillSource>, StoreError> {
        self.patiently(async || self.store.backfill_source(self.source, credentials).await)
            .await
    }

    pub async fn positions(
        &self,
        repository: &str,
    ) -> Result<BTreeMap<Stream, Position>, StoreError> {
        self.patiently(async || self.store.backfill_positions(self.source, repository).await)
            .await
    }

    /// Stores a page once, whatever becomes of replies: a cursor that already stands where the page would bring it says that an earlier
    /// try was committed (FAULTS 23).
    pub async fn page(
        &self,
        source: &BackfillSource,
        repository: &str,
        stream: Stream,
        before: &Value,
        found: &[Found],
        after: &Position,
    ) -> Result<(), StoreError> {
        let page = Page {
            source: self.source,
            namespace: &source.namespace,
            repository,
            stream,
            before,
            found,
            after,
        };
        let mut tried = false;
        self.patiently(async || {
            if tried {
                let stands = self
                    .store
                    .backfill_positions(self.source, repository)
                    .await?;
                if stands
                    .get(&stream)
                    .is_some_and(|it| it.cursor == after.cursor)
                {
                    return Ok(());
                }
            }
            tried = true;
            let outcomes = self.store.backfill_page(&page).await?;
            tracing::debug!(
                repository,
                stream = stream.as_str(),
                ?outcomes,
                "stored a page"
            );
            Ok(())
        })
        .await
    }

    pub async fn unresolved(
        &self,
        after: Option<&Unresolved>,
        limit: i32,
    ) -> Result<Vec<Unresolved>, StoreError> {
        self.patiently(async || {
            self.store
                .backfill_unresolved(self.source, after, limit)
                .await
        })
        .await
    }

    pub async fn resolve(&self, evidence: Uuid, shas: &[String]) -> Result<(), StoreError> {
        self.patiently(async || {
            self.store
                .resolve_evidence(self.source, evidence, shas)
                .await
        })
        .await
    }

    pub async fn done(&self, known_to: Timestamp) -> Result<(), StoreError> {
        self.patiently(async || self.store.backfill_done(self.source, known_to).await)
            .await
    }

    pub async fn failed(
        &self,
        code: &str,
        message: &str,
        retry: Duration,
        reached: bool,
    ) -> Result<(), StoreError> {
        self.patiently(async || {
            self.store
                .backfill_failed(self.source, code, message, retry, reached)
                .await
        })
        .await
    }

    async fn patiently<T>(
        &self,
        mut call: impl AsyncFnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (mut tries, mut backoff) = (1, Backoff::default());
        loop {
            match call().await {
                Err(error)
                    if error.class() == ErrorClass::Transient
                        && tries < TRIES
                        && !self.stop.is_requested() =>
                {
                    tracing::warn!(%error, "waiting for the database");
                    tries += 1;
                    tokio::time::sleep(backoff.step()).await;
                }
                answered => return answered,
            }
        }
    }
}
