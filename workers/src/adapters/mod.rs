//! The real systems behind [`crate::ports`].

pub mod endpoints;
pub mod index;
pub mod tasks;
pub mod wakeups;

use crate::{cli::Settings, credentials::SecretDirectory, ports::Ports};
use anyhow::Context;
use backends::{
    llm::{CallLimits, ModelTransport, TransportSettings},
    qdrant::VectorStore,
};
use endpoints::Endpoints;
use index::QdrantIndex;
use secrecy::ExposeSecret;
use std::{sync::Arc, time::Duration};

/// Longest single call to an endpoint. The attempt's own limit, which the ContentJob sets, is usually shorter.
const CALL_LIMIT: Duration = Duration::from_secs(300);

/// Connections to everything that the pipeline calls; none is made before its first use.
///
/// # Errors
/// A proxy or CA bundle that cannot be used, or a missing credential file.
pub fn ports(settings: &Settings, credentials: &SecretDirectory) -> anyhow::Result<Ports> {
    let transport = ModelTransport::new(&TransportSettings {
        limits: CallLimits {
            total: CALL_LIMIT,
            ..CallLimits::default()
        },
        proxy: settings.proxy(),
        ca_bundle: settings.ca_bundle(),
    })
    .context("calls to the endpoints")?;
    let endpoints = Arc::new(Endpoints::new(
        transport,
        SecretDirectory::new(&settings.keys_dir),
    ));
    let qdrant = credentials.read("qdrant-url")?;
    let index = VectorStore::connect(
        qdrant.expose_secret(),
        credentials.credential("qdrant-token"),
    );
    Ok(Ports {
        model: endpoints.clone(),
        moderator: endpoints.clone(),
        embedder: endpoints,
        index: Arc::new(QdrantIndex::new(index)),
    })
}
