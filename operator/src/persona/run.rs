//! The controller of Personas with what feeds it: their worker Pods, their templates, and the drift reader.

use super::{
    PersonaWorld, Services, adapters::BrokerQueues, reconcile, references::PromptReferences,
    workers,
};
use crate::{
    context::Context,
    controller::{self, driver::StreamEnded},
    loops::{drift, orphans},
    signals::Triggered,
};
use crds::{Persona, PromptTemplate};
use kube::{
    Api, ResourceExt,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, reflector::ObjectRef, watcher},
};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Runs until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(ctx: Arc<Context>, triggered: Triggered<Persona>) -> Result<(), StreamEnded> {
    let queues = BrokerQueues::new(ctx.broker.topology.clone(), ctx.broker.management.clone());
    let world = world(&ctx, &queues);
    let mut beside = JoinSet::new();
    beside.spawn(workers::watch(ctx.clone(), world.pods.clone()));
    beside.spawn(drift::run(ctx.clone(), queues));
    let templates = watcher(
        Api::<PartialObjectMeta<PromptTemplate>>::all(ctx.client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .touched_objects();
    let (references, looking) = (world.references.clone(), ctx.clone());
    let ended = controller::run(
        ctx,
        triggered,
        |controller, living| {
            beside.spawn(orphans::run(looking, living, orphans::Kind::Persona));
            controller.watches_stream(templates, move |template| {
                let namespace = template.namespace().unwrap_or_default();
                references
                    .of(&namespace, &template.name_any())
                    .into_iter()
                    .map(move |persona| ObjectRef::new(&persona).within(&namespace))
                    .collect::<Vec<_>>()
            })
        },
        move |persona: Arc<Persona>, _| {
            let world = world.clone();
            async move { reconcile(&world, &persona).await }
        },
    )
    .await;
    beside.shutdown().await;
    ended
}

fn world(ctx: &Context, queues: &BrokerQueues) -> PersonaWorld {
    PersonaWorld {
        client: ctx.client.clone(),
        install: ctx.settings.install.clone(),
        store: ctx.store.clone(),
        services: Services {
            queues: Arc::new(queues.clone()),
            vectors: Arc::new(ctx.vectors.clone()),
        },
        pods: workers::WorkerPods::default(),
        references: PromptReferences::default(),
    }
}
