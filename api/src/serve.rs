//! The life of the server.

use crate::{
    cli::ServeSettings,
    exports::Exports,
    key::Pepper,
    kubernetes::Cluster,
    routes::{achievements_router, router},
    server,
    state::{App, Limits},
};
use anyhow::Context;
use backends::postgres::{StoreError, api::ApiStore};
use secrecy::ExposeSecret;
use std::{net::SocketAddr, time::Duration};
use telemetry::{Check, Checks, Endpoints};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Between two looks at the database.
const DATABASE_INTERVAL: Duration = Duration::from_secs(3);
/// For requests that run when the process is asked to end.
const DRAIN: Duration = Duration::from_secs(20);

pub async fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let app = App::new(
        settings.database_url.expose_secret(),
        Pepper::new(settings.pepper.api_key_pepper)?,
        cluster().await,
        Limits::default(),
    )?
    .with_exports(Exports::new(&settings.object_store)?);
    let endpoints = Endpoints {
        live: Checks::default(),
        ready: Checks::default(),
        registry: app.metrics.registry.clone(),
    };
    let ready = endpoints.ready.clone();
    let health = telemetry::bind(settings.health_addr).await?;
    let content = bind(settings.http_addr).await?;
    let achievements = bind(settings.achievements_listen).await?;
    let (stop, serving) = (stop_on_signal()?, CancellationToken::new());
    let watching = tokio::spawn(watch_database(
        app.store.clone(),
        ready.register("postgres", "not asked yet"),
    ));
    let exporting = tokio::spawn(export(app.clone(), stop.clone()));
    let telling = tokio::spawn(endpoints.serve(health, serving.clone()));
    tracing::info!(address = %settings.http_addr, achievements = %settings.achievements_listen, "the API is served");
    let servers = async {
        tokio::join!(
            server::run(content, router(app.clone()), stop.clone()),
            server::run(achievements, achievements_router(app), stop.clone()),
        )
    };
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ((), ()) = servers => {}
        () = drained => tracing::warn!("requests still ran when the time for draining was over"),
    }
    watching.abort();
    exporting.abort();
    serving.cancel();
    telling.await?
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot serve the API on {address}"))
}

/// Writes what is queued, where there is an object store.
async fn export(app: App, stop: CancellationToken) {
    if let Some(exports) = &app.exports {
        exports.run(&app.store, &stop).await;
    }
}

/// None outside a cluster; reading posts and taking outcomes needs none.
async fn cluster() -> Option<Cluster> {
    match kube::Client::try_default().await {
        Ok(client) => Some(Cluster::new(client)),
        Err(error) => {
            tracing::warn!(%error, "without a Kubernetes API no experiment is created or changed here");
            None
        }
    }
}

/// Tells readiness whether Postgres answers and has a schema that this build understands.
async fn watch_database(store: ApiStore, check: Check) {
    loop {
        match store.check_schema().await {
            Ok(()) => check.pass(),
            Err(error @ StoreError::SchemaVersion { .. }) => check.fail(&error.to_string()),
            Err(error) => {
                tracing::warn!(%error, "the database does not answer");
                check.fail("it does not answer");
            }
        }
        tokio::time::sleep(DATABASE_INTERVAL).await;
    }
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}
