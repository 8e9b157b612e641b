//! The life of the process: migrate and end; or stand by, lead, drain.

use crate::{
    achievement, achievement_source,
    cli::{Cli, Command, ExperimentCommand, MigrateSettings, Settings},
    content_job,
    context::{Broker, Context, Process},
    controller::driver::StreamEnded,
    experiment,
    leadership::{self, Held, Leadership, WriteGuard},
    loops,
    metrics::Metrics,
    persona, probe, prompt_template,
    signals::{Signals, TriggeredAll, Triggers},
    tenancy::{self, Tenancy},
};
use anyhow::Context as _;
use backends::postgres::{StoreError, operator::OperatorStore};
use kube::{Config, client::ClientBuilder};
use secrecy::ExposeSecret;
use std::{future::Future, sync::Arc, time::Duration};
use telemetry::{Check, Checks, Endpoints};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// How long a migration waits for a database that starts.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(120);
/// Between two attempts at a database that does not answer, and between two looks at one that does.
const DATABASE_INTERVAL: Duration = Duration::from_secs(3);
/// For reconciles and batches that run when the process is asked to end.
const DRAIN: Duration = Duration::from_secs(20);

/// What each part of a leader ends with; only an ending that was asked for is a good one.
type Parts = JoinSet<anyhow::Result<()>>;

/// Does what the command line says.
///
/// # Errors
/// A migration that failed; a leadership that was lost; a part that ended although nobody asked it to.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Migrate(settings) => migrate(&settings).await,
        Command::Run(settings) => operate(*settings).await,
        Command::Experiment(ExperimentCommand::Recompute(settings)) => {
            experiment::recompute::run(&settings).await
        }
        Command::Rescore(settings) => achievement::rescore::run(&settings).await,
        Command::Probe(settings) => probe::run(&settings.addresses).await,
    }
}

async fn migrate(settings: &MigrateSettings) -> anyhow::Result<()> {
    backends::postgres::migrate::migrate(
        settings.migrate_database_url.expose_secret(),
        MIGRATION_PATIENCE,
    )
    .await
    .context("the database was not migrated")?;
    tracing::info!("the schema is at this build's version");
    Ok(())
}

async fn operate(settings: Settings) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let metrics = Metrics::new()?;
    let endpoints = Endpoints {
        live: Checks::default(),
        ready: Checks::default(),
        registry: metrics.registry.clone(),
    };
    let (live, ready) = (endpoints.live.clone(), endpoints.ready.clone());
    let listener = telemetry::bind(settings.health_addr).await?;
    let serving = CancellationToken::new();
    let server = tokio::spawn(endpoints.serve(listener, serving.clone()));
    tokio::spawn(watch_database(
        settings.clone(),
        ready.register("postgres", "not asked yet"),
        stop.clone(),
    ));

    let config = Config::infer()
        .await
        .context("there is no Kubernetes API to work with")?;
    let leadership = Leadership::default();
    let held = tokio::select! {
        held = leadership::acquire(config.clone(), &settings, &leadership) => held?,
        () = stop.cancelled() => return Ok(()),
    };
    let ended = lead(
        settings, config, leadership, held, metrics, &live, ready, stop,
    )
    .await;
    serving.cancel();
    server.await??;
    ended
}

/// Leads until the process is asked to end or the leadership is lost.
#[allow(clippy::too_many_arguments)]
async fn lead(
    settings: Settings,
    config: Config,
    leadership: Leadership,
    mut held: Held,
    metrics: Metrics,
    live: &Checks,
    ready: Checks,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    tracing::info!("this process holds the Lease");
    let client = ClientBuilder::try_from(config)?
        .with_layer(&WriteGuard::Refuse(leadership.clone()))
        .build();
    let Some(store) = lead_store(&settings, &stop).await else {
        held.release().await;
        return Ok(());
    };
    let (triggers, triggered) = Triggers::channels();
    let signals = Signals::new(triggers, stop.clone());
    metrics.leader.set(1);
    let ctx = Arc::new(Context {
        vectors: Context::connect_vectors(&settings),
        broker: Arc::new(Broker::new(&settings)?),
        process: Arc::new(Process::new(
            &client,
            &settings,
            leadership.clone(),
            metrics,
            ready,
            signals,
        )),
        settings: Arc::new(settings),
        client,
        store,
    });
    let tenancy = Tenancy::of(&ctx)?;
    let mut parts = start(&ctx, triggered, tenancy);
    tokio::select! {
        // Being asked to end comes first: then the parts end as well, and that is no failure.
        biased;
        () = stop.cancelled() => {
            drain(&mut parts).await;
            ctx.store.close().await;
            held.release().await;
            Ok(())
        }
        () = leadership.lost() => anyhow::bail!("the leadership was lost"),
        () = held.lost() => anyhow::bail!("another process holds the Lease"),
        Some(ended) = parts.join_next() => {
            let _failed = live.register("parts", "a controller or a loop ended; this process must be started anew");
            // The next leader need not wait; this process writes nothing any more.
            leadership.lose();
            stop.cancel();
            held.release().await;
            ended?.and_then(|()| anyhow::bail!("a part of the operator ended although nobody asked it to"))
        }
    }
}

/// Every controller and every loop of a leader.
fn start(ctx: &Arc<Context>, triggered: TriggeredAll, tenancy: Tenancy) -> Parts {
    let mut parts = Parts::new();
    let TriggeredAll {
        personas,
        templates,
        jobs,
        experiments,
        achievements,
        sources,
    } = triggered;
    control(&mut parts, persona::run::run(ctx.clone(), personas));
    control(
        &mut parts,
        content_job::run::run(ctx.clone(), jobs, Arc::new(tenancy.clone())),
    );
    control(&mut parts, prompt_template::run(ctx.clone(), templates));
    control(&mut parts, experiment::run(ctx.clone(), experiments));
    control(&mut parts, achievement::run(ctx.clone(), achievements));
    control(&mut parts, achievement_source::run(ctx.clone(), sources));
    parts.spawn(endless(loops::listen::run(ctx.clone())));
    parts.spawn(endless(loops::pause::run(ctx.clone())));
    parts.spawn(endless(loops::relay::run(ctx.clone())));
    parts.spawn(endless(loops::sweep::run(ctx.clone())));
    parts.spawn(endless(loops::progress::run(ctx.clone())));
    parts.spawn(endless(loops::points::run(ctx.clone())));
    parts.spawn(endless(loops::inbox::run(ctx.clone())));
    parts.spawn(endless(loops::analyses::run(ctx.clone())));
    parts.spawn(endless(loops::gauges::run(ctx.clone())));
    parts.spawn(endless(loops::totals::run(ctx.clone())));
    parts.spawn(endless(loops::notifications::run(ctx.clone())));
    parts.spawn(endless(loops::edits::run(ctx.clone(), tenancy.clone())));
    parts.spawn(endless(achievement_source::jobs::run(
        ctx.clone(),
        tenancy.clone(),
    )));
    parts.spawn(endless(tenancy::upkeep::run(ctx.clone(), tenancy)));
    parts
}

fn control(
    parts: &mut Parts,
    controller: impl Future<Output = Result<(), StreamEnded>> + Send + 'static,
) {
    parts.spawn(async move { Ok(controller.await?) });
}

async fn endless(part: impl Future<Output = ()>) -> anyhow::Result<()> {
    part.await;
    Ok(())
}

/// Waits for what still runs; whatever takes longer than [`DRAIN`] is repeated by the next leader.
async fn drain(parts: &mut Parts) {
    tracing::info!("draining");
    let all = async { while parts.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("something still ran when the time for draining was over");
    }
}

/// Becomes the writer of the database as soon as there is one of the right schema; none where the process shall end before.
async fn lead_store(settings: &Settings, stop: &CancellationToken) -> Option<OperatorStore> {
    loop {
        match OperatorStore::lead(
            settings.services.database_url.expose_secret(),
            &settings.pod_name,
        )
        .await
        {
            Ok(store) => return Some(store),
            Err(error) => tracing::warn!(%error, "the database cannot be led yet; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(loops::jittered(DATABASE_INTERVAL)) => {}
        }
    }
}

/// Tells readiness, of a standby too, whether Postgres answers and has a schema that this build understands.
async fn watch_database(settings: Settings, check: Check, stop: CancellationToken) {
    loop {
        match OperatorStore::probe(settings.services.database_url.expose_secret()).await {
            Ok(()) => check.pass(),
            Err(error @ StoreError::SchemaVersion { .. }) => check.fail(&error.to_string()),
            Err(_) => check.fail("it does not answer"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(loops::jittered(DATABASE_INTERVAL)) => {}
        }
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
