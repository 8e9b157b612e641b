//! What every route works with.

use crate::{
    exports::Exports, key::Pepper, kubernetes::Cluster, metrics::Metrics, routes::Receiver,
};
use backends::postgres::{StoreError, api::ApiStore};
use std::{sync::Arc, time::Duration};

/// The one context of the routes; clones share it.
#[derive(Debug, Clone)]
pub struct App {
    pub store: ApiStore,
    pub pepper: Arc<Pepper>,
    /// None outside a cluster: then intent goes into resources by other ways.
    pub cluster: Option<Cluster>,
    pub metrics: Metrics,
    pub limits: Limits,
    /// Checks deliveries of webhooks.
    pub webhooks: Arc<Receiver>,
    /// None where no object store is set up.
    pub exports: Option<Arc<Exports>>,
}

/// What a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A JSON body, bytes.
    pub json_bytes: usize,
    /// A body of outcomes, bytes.
    pub outcome_bytes: u64,
    /// A delivery of a webhook, bytes.
    pub webhook_bytes: usize,
    /// A whole request that is no stream.
    pub request: Duration,
    /// Between two pieces of a streamed body.
    pub idle: Duration,
    /// A whole streamed request.
    pub stream: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 256 * 1024,
            outcome_bytes: 512 * 1024 * 1024,
            webhook_bytes: 5 * 1024 * 1024,
            request: Duration::from_secs(30),
            idle: Duration::from_secs(15),
            stream: Duration::from_secs(600),
        }
    }
}

impl App {
    /// Connects nowhere yet.
    ///
    /// # Errors
    /// A URL that does not parse.
    pub fn new(
        database_url: &str,
        pepper: Pepper,
        cluster: Option<Cluster>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            store: ApiStore::connect_lazy(database_url)?,
            webhooks: Arc::new(
                Receiver::new(pepper.bytes())
                    .map_err(|error| StoreError::Invalid(error.to_string()))?,
            ),
            pepper: Arc::new(pepper),
            cluster,
            metrics: Metrics::new()
                .map_err(|error| StoreError::Invalid(format!("metrics: {error}")))?,
            limits,
            exports: None,
        })
    }

    /// With an object store for exports.
    #[must_use]
    pub fn with_exports(self, exports: Option<Exports>) -> Self {
        Self {
            exports: exports.map(Arc::new),
            ..self
        }
    }
}
