//! Experiment: units that froze, what may be said of them, and the promotion that follows.
//!
//! One reconcile is observe → validate → plan → apply → status. Nobody polls: it runs when the resource changes and when the
//! loop `loops::experiments` says that evidence changed or a deadline passed.

pub mod apply;
pub mod canary;
pub mod cleanup;
pub mod design;
pub mod observe;
pub mod plan;
pub mod recompute;
pub mod round;
pub mod status;
pub mod tell;
#[cfg(test)]
mod testing;
pub mod validate;

use crate::{
    context::Context,
    controller::{
        self, ErrorClass, Notice, Outcome, ReconcileError, Verdict, driver::StreamEnded, finalizer,
        time_boxed,
    },
    loops::{self, orphans},
    metrics::ExperimentMetrics,
    signals::{Trigger, Triggered},
};
use backends::postgres::operator::OperatorStore;
use crds::{Experiment, ExperimentStatus, PromptTemplate};
use domain::experiment::{Design, Evaluation, Evidence};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Resource,
    runtime::events::{Event, EventType, Recorder},
};
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use validate::ValidatedExperiment;

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

/// What a reconcile of an experiment reaches.
#[derive(Clone)]
pub struct ExperimentWorld {
    pub client: kube::Client,
    pub store: OperatorStore,
    pub templates: Trigger<PromptTemplate>,
    /// For events of templates, whose controller does not know of experiments.
    pub recorder: Told,
    pub paused: watch::Receiver<bool>,
    pub metrics: ExperimentMetrics,
    /// From what was counted to what may be said of it; a value, so that scenarios can tell which verdict comes when.
    pub evaluate: Evaluate,
}

/// Pure: the same design and evidence give the same evaluation.
pub type Evaluate = fn(&Design, &Evidence) -> Evaluation;

impl ExperimentWorld {
    #[must_use]
    pub fn new(ctx: &Context) -> Self {
        let signals = &ctx.process.signals;
        Self {
            client: ctx.client.clone(),
            store: ctx.store.clone(),
            templates: signals.triggers.templates.clone(),
            recorder: Told(ctx.process.recorder.clone()),
            paused: signals.paused.subscribe(),
            metrics: ctx.process.metrics.experiments.clone(),
            evaluate: domain::experiment::evaluate,
        }
    }
}

/// Writes events of other kinds' objects.
#[derive(Clone)]
pub struct Told(Recorder);

impl Told {
    /// Events are a courtesy: that one could not be written is no failure.
    async fn tell(&self, template: &PromptTemplate, notice: Notice) {
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.to_owned(),
            note: Some(notice.note),
            action: "Promote".to_owned(),
            secondary: None,
        };
        let reference = template.object_ref(&());
        if let Err(error) = time_boxed(self.0.publish(&event, &reference)).await {
            tracing::debug!(%error, "an event was not written");
        }
    }
}

/// Runs the controller until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(ctx: Arc<Context>, triggered: Triggered<Experiment>) -> Result<(), StreamEnded> {
    let world = ExperimentWorld::new(&ctx);
    let reconcile = move |experiment: Arc<Experiment>, _: Arc<Context>| {
        let world = world.clone();
        async move { reconcile_in(&world, &experiment).await }
    };
    let mut beside = JoinSet::new();
    beside.spawn(loops::experiments::run(ctx.clone()));
    let looking = ctx.clone();
    let ended = controller::run(
        ctx,
        triggered,
        |controller, living| {
            beside.spawn(orphans::run(looking, living, orphans::Kind::Experiment));
            controller
        },
        reconcile,
    )
    .await;
    beside.shutdown().await;
    ended
}

/// Brings one experiment, as it was just read, as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; what the status can say of it has been written.
pub async fn reconcile_in(
    world: &ExperimentWorld,
    object: &Experiment,
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
        Ok(experiment) => match bring_about(world, &experiment, &before).await {
            Ok(None) => Ok(Outcome::of(Verdict::Skipped)),
            Ok(Some(applied)) => {
                let after = status::build(&before, &experiment, &applied, now);
                write_status(world, object, &before, &after).await?;
                Ok(conclude(&experiment, applied))
            }
            Err(error) if error.class == ErrorClass::Fenced => Err(error),
            Err(error) => {
                let after =
                    status::build_unavailable(&before, experiment.generation, &error.message, now);
                write_status(world, object, &before, &after).await?;
                Err(error)
            }
        },
    }
}

/// None where the namespace is gone.
async fn bring_about(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    before: &ExperimentStatus,
) -> Result<Option<Applied>, ReconcileError> {
    let Some(observed) = observe::observe(world, experiment, before).await? else {
        return Ok(None);
    };
    let plan = plan::plan(experiment, &observed);
    Ok(Some(apply::apply(world, experiment, observed, plan).await?))
}

/// When to look again, and what to tell. Deadlines of the experiment itself are the loop's.
fn conclude(experiment: &ValidatedExperiment, applied: Applied) -> Outcome {
    let verdict = match applied.first_problem() {
        None => Verdict::Applied,
        Some(problem) if problem.waits => Verdict::Waiting,
        Some(_) => Verdict::Refused,
    };
    let again = look_again(experiment, &applied);
    let mut notices = applied.notices;
    if let Some(drift) = &applied.drift {
        let done = if applied.written {
            "it begins anew"
        } else {
            "driftPolicy Report leaves it so"
        };
        notices.push(Notice::warning("Drifted", format!("{drift}; {done}")));
    }
    Outcome::of(verdict).after(again).telling(notices)
}

/// Nobody tells of templates and personas that appear: soon, and ever later up to five minutes. An experiment that ended
/// is looked at once its details may go.
fn look_again(experiment: &ValidatedExperiment, applied: &Applied) -> Option<Duration> {
    if applied.problems.iter().any(|problem| problem.waits) {
        let waited = applied.waiting_seconds.unwrap_or(0.0);
        let until_stalled = if waited < PATIENCE_SECONDS {
            PATIENCE_SECONDS - waited + 1.0
        } else {
            PATIENCE_SECONDS
        };
        return Some(Duration::from_secs_f64((2.0 + waited).min(until_stalled)));
    }
    let row = applied.row.as_ref().filter(|row| row.pruned_at.is_none())?;
    let ended_for = chrono::Utc::now() - row.ended_at?;
    let left = experiment.ttl_seconds - ended_for.num_milliseconds() as f64 / 1000.0;
    Some(Duration::from_secs_f64(
        left.clamp(0.5, 7.0 * 86_400.0) + 0.5,
    ))
}

async fn write_status(
    world: &ExperimentWorld,
    object: &Experiment,
    before: &ExperimentStatus,
    after: &ExperimentStatus,
) -> Result<(), ReconcileError> {
    controller::write_status(&world.client, &world.store, object, before, after)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
