//! Builds the real systems from the settings and works until there is nothing more to do.

use crate::{
    adapters,
    attempt::Workshop,
    backoff::Backoff,
    cli::Settings,
    consume::Exit,
    credentials::SecretDirectory,
    stop::{self, Stop},
};
use anyhow::Context;
use backends::postgres::{ErrorClass, StoreError, worker::WorkerStore};
use secrecy::ExposeSecret;
use std::{process::ExitCode, sync::Arc};

/// How the process ends; the Job's pod failure policy may tell the codes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0: the run needs no Pod any more, or the worker was asked to stop.
    Done,
    /// 1: a system refused this worker for good.
    Failed,
    /// 3: the database has a schema that this build does not understand.
    WrongSchema,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::WrongSchema => Self::from(3),
        }
    }
}

/// Works until the run is closed, a stop is requested, or a system refuses this worker for good.
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

/// Logs how the work ended, and gives it its exit code.
pub(crate) fn conclude(worked: anyhow::Result<Exit>) -> Outcome {
    match worked {
        Ok(exit) => {
            tracing::info!(?exit, "worker ends");
            Outcome::Done
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "worker fails");
            match error.downcast_ref::<StoreError>() {
                Some(error) if error.class() == ErrorClass::Schema => Outcome::WrongSchema,
                _ => Outcome::Failed,
            }
        }
    }
}

async fn work(settings: &Settings, stop: Stop) -> anyhow::Result<Exit> {
    stop::on_signals(stop.clone()).context("listening to signals")?;
    let credentials = SecretDirectory::new(&settings.credentials_dir);
    let store = WorkerStore::connect_lazy(credentials.read("database-url")?.expose_secret())?;
    if wait_for_schema(|| store.check_schema(), &stop)
        .await?
        .is_none()
    {
        return Ok(Exit::Stopped);
    }
    let shop = Workshop {
        ports: adapters::ports(settings, &credentials)?,
        tasks: Arc::new(adapters::tasks::StoredTasks::new(store, settings)),
        lease: settings.lease(),
        stop,
    };
    let mut wakeups = adapters::wakeups::Queue::start(settings, &credentials);
    let exit = shop.consume(&mut wakeups).await;
    wakeups.stop().await;
    Ok(exit?)
}

/// Waits for a database that answers and checks that its schema is this build's; none where a stop came first.
pub(crate) async fn wait_for_schema<F>(
    check: impl Fn() -> F,
    stop: &Stop,
) -> Result<Option<()>, StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut backoff = Backoff::default();
    loop {
        match check().await {
            Ok(()) => return Ok(Some(())),
            Err(error) if error.class() == ErrorClass::Transient => {
                tracing::warn!(%error, "waiting for the database");
                tokio::select! {
                    () = tokio::time::sleep(backoff.step()) => {}
                    () = stop.requested() => return Ok(None),
                }
            }
            Err(error) => return Err(error),
        }
    }
}
