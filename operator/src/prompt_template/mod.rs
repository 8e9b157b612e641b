//! PromptTemplate: immutable versions that parse, and tracks that name them.
//!
//! One reconcile is validate → observe → plan → apply → status; what is observed depends on which ConfigMaps the versions
//! name, so validation stands first.

pub mod apply;
pub mod cleanup;
pub mod drift;
pub mod followers;
pub mod observe;
pub mod plan;
pub mod status;
pub mod validate;

use crate::{
    context::Context,
    controller::{self, Notice, Outcome, ReconcileError, Verdict, driver::StreamEnded, finalizer},
    signals::{Trigger, Triggered},
};
use backends::postgres::operator::OperatorStore;
use crds::{Persona, PromptTemplate, PromptTemplateStatus};
use k8s_openapi::jiff::Timestamp;
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use validate::ValidatedTemplate;

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

/// What a reconcile of a template reaches.
#[derive(Clone)]
pub struct TemplateWorld {
    pub client: kube::Client,
    pub store: OperatorStore,
    /// Identity of the install.
    pub install: String,
    pub personas: Trigger<Persona>,
    pub paused: watch::Receiver<bool>,
}

impl TemplateWorld {
    #[must_use]
    pub fn new(ctx: &Context) -> Self {
        let signals = &ctx.process.signals;
        Self {
            client: ctx.client.clone(),
            store: ctx.store.clone(),
            install: ctx.settings.install.clone(),
            personas: signals.triggers.personas.clone(),
            paused: signals.paused.subscribe(),
        }
    }
}

/// Runs the controller until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(
    ctx: Arc<Context>,
    triggered: Triggered<PromptTemplate>,
) -> Result<(), StreamEnded> {
    let world = TemplateWorld::new(&ctx);
    let reconcile = move |template: Arc<PromptTemplate>, _: Arc<Context>| {
        let world = world.clone();
        async move { reconcile_in(&world, &template).await }
    };
    let mut beside = JoinSet::new();
    beside.spawn(followers::watch(ctx.clone()));
    beside.spawn(drift::run(ctx.clone()));
    let ended = controller::run(ctx, triggered, |controller, _| controller, reconcile).await;
    beside.shutdown().await;
    ended
}

/// Brings one template, as it was just read, as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; what the status can say of it has been written.
pub async fn reconcile_in(
    world: &TemplateWorld,
    object: &PromptTemplate,
) -> Result<Outcome, ReconcileError> {
    if object.metadata.deletion_timestamp.is_some() {
        return cleanup::delete(world, object).await;
    }
    let object = &finalizer::settle(&world.client, object, object.spec.deletion_policy).await?;
    let before = object.status.clone().unwrap_or_default();
    let now = Timestamp::now();
    match validate::validate(object) {
        Err(invalid) => {
            let after = status::build_invalid(&before, object.metadata.generation, &invalid, now);
            write_status(world, object, &before, &after).await?;
            Ok(Outcome::of(Verdict::Refused))
        }
        Ok(template) => match bring_about(world, &template, &before).await {
            Ok(applied) => {
                let after = status::build(&before, &template, &applied, now);
                write_status(world, object, &before, &after).await?;
                Ok(conclude(&applied))
            }
            Err(error) if error.class == controller::ErrorClass::Fenced => Err(error),
            Err(error) => {
                let after =
                    status::build_unavailable(&before, template.generation, &error.message, now);
                write_status(world, object, &before, &after).await?;
                Err(error)
            }
        },
    }
}

async fn bring_about(
    world: &TemplateWorld,
    template: &ValidatedTemplate,
    before: &PromptTemplateStatus,
) -> Result<Applied, ReconcileError> {
    let observed = observe::observe(world, template, before).await?;
    let plan = plan::plan(template, &observed);
    apply::apply(world, template, observed, plan).await
}

/// When to look again, and what to tell.
fn conclude(applied: &Applied) -> Outcome {
    let drifted = applied.drift.as_ref().map(|drift| {
        let done = if applied.written {
            "it was put right"
        } else {
            "driftPolicy Report leaves it so"
        };
        Notice::warning("Drifted", format!("{drift}; {done}"))
    });
    let verdict = match applied.first_problem() {
        None => Verdict::Applied,
        Some(problem) if problem.waits => Verdict::Waiting,
        Some(_) => Verdict::Refused,
    };
    let moved = applied
        .moved
        .iter()
        .map(|sentence| Notice::normal("TrackMoved", sentence));
    Outcome::of(verdict)
        .after(look_again(applied))
        .telling(moved.chain(drifted).collect())
}

/// Nobody tells of ConfigMaps, since they are not watched: after 30 s, and ever later up to five minutes.
fn look_again(applied: &Applied) -> Option<Duration> {
    let waits = applied.problems().any(|problem| problem.waits);
    let waited = applied.waiting_seconds.unwrap_or(0.0);
    let until_stalled = if waited < PATIENCE_SECONDS {
        PATIENCE_SECONDS - waited + 1.0
    } else {
        PATIENCE_SECONDS
    };
    waits.then(|| Duration::from_secs_f64((30.0 + waited / 2.0).min(until_stalled)))
}

async fn write_status(
    world: &TemplateWorld,
    object: &PromptTemplate,
    before: &PromptTemplateStatus,
    after: &PromptTemplateStatus,
) -> Result<(), ReconcileError> {
    controller::write_status(&world.client, &world.store, object, before, after)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
