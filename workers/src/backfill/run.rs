//! `worker backfill`: builds the real systems from the settings, fills the source, and leaves.

use super::{
    cli::Settings,
    fill::Filling,
    host::{Host, HostError, Patience, TransportSettings},
    ledger::Ledger,
    repositories::Ending,
};
use crate::{
    credentials::SecretDirectory,
    run::Outcome,
    stop::{self, Stop},
};
use anyhow::Context;
use backends::postgres::{ErrorClass, StoreError, worker::WorkerStore};
use secrecy::ExposeSecret;
use std::time::Duration;

/// File of the token.
const TOKEN: &str = "github";
/// Until a mistake that only a person can mend is looked for again.
const MISTAKE: Duration = Duration::from_secs(900);

/// Fills the source once, or until a stop is requested.
pub async fn run(settings: &Settings) -> Outcome {
    let stop = Stop::new(settings.grace());
    let worked = tokio::select! {
        worked = work(settings, &stop) => worked,
        () = stop.exit_due() => {
            tracing::warn!("the grace period is over");
            Ok(Ending::Stopped)
        }
    };
    match worked {
        Ok(ending) => {
            tracing::info!(?ending, "backfill ends");
            Outcome::Done
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "backfill fails");
            match error.downcast_ref::<StoreError>() {
                Some(error) if error.class() == ErrorClass::Schema => Outcome::WrongSchema,
                _ => Outcome::Failed,
            }
        }
    }
}

async fn work(settings: &Settings, stop: &Stop) -> anyhow::Result<Ending> {
    stop::on_signals(stop.clone()).context("listening to signals")?;
    let credentials = SecretDirectory::new(&settings.credentials_dir);
    let store = WorkerStore::connect_lazy(credentials.read("database-url")?.expose_secret())?;
    store.check_schema().await?;
    let transport = TransportSettings {
        proxy: settings.proxy(),
        ca_bundle: settings.ca_bundle(),
        ..TransportSettings::default()
    };
    let patience = Patience {
        limit: Duration::from_secs(settings.rate_limit_seconds),
        ..Patience::default()
    };
    backfill(settings, store, &transport, patience, stop).await
}

/// One backfill of the source, through the given store.
///
/// # Errors
/// The store's, for which the caller comes again.
pub async fn backfill(
    settings: &Settings,
    store: WorkerStore,
    transport: &TransportSettings,
    patience: Patience,
    stop: &Stop,
) -> anyhow::Result<Ending> {
    let ledger = Ledger::new(store, settings.source_uid, stop.clone());
    let Some(source) = ledger.source(&settings.credentials_digest).await? else {
        return Ok(Ending::NothingToDo);
    };
    let token = if source.settings.token {
        match SecretDirectory::new(&settings.keys_dir).read(TOKEN) {
            Ok(token) => Some(token),
            Err(error) => {
                tracing::warn!(%error, "no token");
                let refused = HostError::Unauthorized;
                ledger
                    .failed(refused.code(), "the token is not mounted", MISTAKE, false)
                    .await?;
                return Ok(Ending::Failed);
            }
        }
    } else {
        None
    };
    let base = &source.settings.api_base_url;
    let host = match Host::new(base, token, transport, patience, stop.clone()) {
        Ok(host) => host,
        Err(error) => {
            let message = format!("{error:#}");
            ledger.failed("Invalid", &message, MISTAKE, false).await?;
            return Ok(Ending::Failed);
        }
    };
    let filling = Filling {
        host: &host,
        ledger: &ledger,
        source: &source,
    };
    match filling.run().await {
        // Another worker moved a cursor, or the source is gone: nothing more to do here (FAULTS 36, 44).
        Err(StoreError::LeaseLost) => Ok(Ending::NothingToDo),
        ended => Ok(ended?),
    }
}
