//! Builds the real systems from the settings and works until no rows wait.

use super::{
    Desk,
    adapters::{Collection, Endpoint, StoredAnalyses},
    cli::Settings,
};
use crate::{
    adapters::wakeups::Queue,
    consume::Exit,
    credentials::SecretDirectory,
    run::{Outcome, conclude, wait_for_schema},
    stop::{self, Stop},
};
use anyhow::Context;
use backends::{
    llm::{CallLimits, ModelTransport, TransportSettings},
    postgres::worker_achievements::AnalysisStore,
    qdrant::VectorStore,
};
use secrecy::ExposeSecret;
use std::{sync::Arc, time::Duration};

/// Longest call to the embedding endpoint.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// Works until no rows wait, a stop is requested, or a system refuses this worker for good.
pub async fn run(settings: &Settings) -> Outcome {
    let stop = Stop::new(settings.grace());
    let worked = tokio::select! {
        worked = work(settings, stop.clone()) => worked,
        () = stop.exit_due() => {
            tracing::warn!("the grace period is over");
            Ok(Exit::Stopped)
        }
    };
    conclude(worked)
}

async fn work(settings: &Settings, stop: Stop) -> anyhow::Result<Exit> {
    stop::on_signals(stop.clone()).context("listening to signals")?;
    let credentials = SecretDirectory::new(&settings.credentials_dir);
    let store = AnalysisStore::connect_lazy(credentials.read("database-url")?.expose_secret())?;
    if wait_for_schema(|| store.check_schema(), &stop)
        .await?
        .is_none()
    {
        return Ok(Exit::Stopped);
    }
    let transport = ModelTransport::new(&TransportSettings {
        limits: CallLimits {
            total: CALL_LIMIT,
            ..CallLimits::default()
        },
        proxy: settings.proxy(),
        ca_bundle: settings.ca_bundle(),
    })
    .context("calls to the embedding endpoint")?;
    let desk = Desk {
        analyst: domain::achievement::analyse,
        embedder: Arc::new(Endpoint::new(
            transport,
            SecretDirectory::new(&settings.keys_dir),
        )),
        index: Arc::new(Collection::new(VectorStore::connect(
            credentials.read("qdrant-url")?.expose_secret(),
            credentials.credential("qdrant-token"),
        ))),
        tasks: Arc::new(StoredAnalyses::new(store, settings)),
        lease: settings.lease(),
        stop,
    };
    let mut wakeups = Queue::open(
        &settings.pod_name,
        &settings.queue,
        settings.ca_bundle(),
        &credentials,
    );
    let exit = desk.consume(&mut wakeups).await;
    wakeups.stop().await;
    Ok(exit?)
}
