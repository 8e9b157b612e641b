//! The controller of ContentJobs and its watches.

use super::{
    ContentJobWorld, drift,
    job::WorkerSettings,
    jobs,
    jobs::WorkerJobs,
    pace::LastWrites,
    ports::CredentialsPort,
    reconcile_in,
    references::{self, Waiting},
};
use crate::{
    context::Context,
    controller::{self, driver::StreamEnded},
    loops::orphans,
    signals::Triggered,
};
use crds::ContentJob;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Builds what a reconcile reaches.
#[must_use]
pub fn world(ctx: &Context, credentials: Arc<dyn CredentialsPort>) -> ContentJobWorld {
    ContentJobWorld {
        client: ctx.client.clone(),
        store: ctx.store.clone(),
        credentials,
        workers: Arc::new(WorkerSettings::of(&ctx.settings)),
        jobs: WorkerJobs::default(),
        triggers: ctx.process.signals.triggers.jobs.clone(),
        last_writes: LastWrites::default(),
        waiting: Waiting::default(),
        listening: ctx.process.signals.listening.subscribe(),
    }
}

/// Runs until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(
    ctx: Arc<Context>,
    triggered: Triggered<ContentJob>,
    credentials: Arc<dyn CredentialsPort>,
) -> Result<(), StreamEnded> {
    let world = world(&ctx, credentials);
    let install = ctx.settings.install.clone();
    let children = jobs::watch(
        world.client.clone(),
        install,
        world.jobs.clone(),
        world.triggers.clone(),
        ctx.process.signals.wakes.clone(),
    );
    let awaited = references::watch(
        world.client.clone(),
        world.waiting.clone(),
        world.triggers.clone(),
    );
    let reconcile = {
        let world = world.clone();
        move |object: Arc<ContentJob>, _| {
            let world = world.clone();
            async move { reconcile_in(&world, Arc::unwrap_or_clone(object)).await }
        }
    };
    let mut watches = JoinSet::new();
    watches.spawn(children);
    watches.spawn(awaited);
    watches.spawn(drift::run(ctx.clone()));
    let looking = ctx.clone();
    let ended = controller::run(
        ctx,
        triggered,
        |controller, living| {
            watches.spawn(orphans::run(looking, living, orphans::Kind::ContentJob));
            controller
        },
        reconcile,
    )
    .await;
    watches.shutdown().await;
    ended
}
