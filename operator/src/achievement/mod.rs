//! Achievement: what a person says of a record, and what is known of it.
//!
//! One reconcile is validate → observe → plan → apply → announce → status. It runs when the resource changes and when
//! `loops::achievements` says that its record did; nobody polls.

pub mod announce;
pub mod apply;
pub mod cleanup;
pub mod observe;
pub mod plan;
pub mod rescore;
pub mod resources;
pub mod status;
pub mod validate;

use crate::{
    context::Context,
    controller::{
        self, ErrorClass, Notice, Outcome, ReconcileError, Verdict, driver::StreamEnded, finalizer,
    },
    loops::{self, orphans},
    signals::Triggered,
};
use announce::Decision;
use backends::postgres::operator::OperatorStore;
use crds::{Achievement, AchievementStatus};
use k8s_openapi::jiff::Timestamp;
use observe::Observed;
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use validate::ValidatedAchievement;

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

/// A Persona that shall announce something, or the name of its job, is looked for again after this.
const ANNOUNCER_AGAIN: Duration = Duration::from_secs(60);

/// What a reconcile of an achievement reaches.
#[derive(Clone)]
pub struct AchievementWorld {
    pub client: kube::Client,
    pub store: OperatorStore,
    /// Identity of the install.
    pub install: String,
}

impl AchievementWorld {
    #[must_use]
    pub fn new(ctx: &Context) -> Self {
        Self {
            client: ctx.client.clone(),
            store: ctx.store.clone(),
            install: ctx.settings.install.clone(),
        }
    }
}

/// Runs the controller until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(ctx: Arc<Context>, triggered: Triggered<Achievement>) -> Result<(), StreamEnded> {
    let world = AchievementWorld::new(&ctx);
    let reconcile = move |achievement: Arc<Achievement>, _: Arc<Context>| {
        let world = world.clone();
        async move { reconcile_in(&world, &achievement).await }
    };
    let mut beside = JoinSet::new();
    beside.spawn(loops::achievements::run(ctx.clone()));
    let looking = ctx.clone();
    let ended = controller::run(
        ctx,
        triggered,
        |controller, living| {
            beside.spawn(orphans::run(looking, living, orphans::Kind::Achievement));
            controller
        },
        reconcile,
    )
    .await;
    beside.shutdown().await;
    ended
}

/// Brings one achievement, as it was just read, as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; what the status can say of it has been written.
pub async fn reconcile_in(
    world: &AchievementWorld,
    object: &Achievement,
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
        Ok(achievement) => match bring_about(world, object, &achievement).await {
            Ok(None) => Ok(Outcome::of(Verdict::Skipped)),
            Ok(Some(applied)) => {
                let after = status::build(&before, &achievement, &applied, now);
                write_status(world, object, &before, &after).await?;
                Ok(conclude(&before, &after, applied))
            }
            Err(error) if error.class == ErrorClass::Fenced => Err(error),
            Err(error) => {
                let after =
                    status::build_unavailable(&before, achievement.generation, &error.message, now);
                write_status(world, object, &before, &after).await?;
                Err(error)
            }
        },
    }
}

/// None where the namespace is gone, or the resource gave way to one that a person declares.
async fn bring_about(
    world: &AchievementWorld,
    object: &Achievement,
    achievement: &ValidatedAchievement,
) -> Result<Option<Applied>, ReconcileError> {
    let Some(observed) = observe::observe(world, achievement).await? else {
        return Ok(None);
    };
    if observed.held_by_another && gives_way(world, object, achievement, &observed).await? {
        resources::remove(world, object).await?;
        return Ok(None);
    }
    let plan = plan::plan(achievement, &observed);
    let mut applied = apply::apply(world, achievement, observed, plan).await?;
    let decision = announce::decide(achievement, applied.row.as_ref(), applied.first_problem());
    applied.announced = matches!(&decision, Decision::Order(_) | Decision::Make { .. });
    applied.announcement = announce::settle(world, object, &mut applied.row, decision).await?;
    Ok(Some(applied))
}

/// Whether a resource that the operator made, and in which nobody else set anything, goes because a person declares the same.
async fn gives_way(
    world: &AchievementWorld,
    object: &Achievement,
    achievement: &ValidatedAchievement,
    observed: &Observed,
) -> Result<bool, ReconcileError> {
    if !achievement.collected || resources::is_touched(object) {
        return Ok(false);
    }
    let row = observed.row.as_ref();
    let job = row.and_then(|row| row.announced_job.as_deref());
    Ok(!resources::is_announcing(world, &achievement.namespace, job).await?)
}

/// When to look again, and what to tell. Nobody tells of achievements that a reference waits for.
fn conclude(before: &AchievementStatus, after: &AchievementStatus, applied: Applied) -> Outcome {
    let verdict = match applied.first_problem() {
        None => Verdict::Applied,
        Some(problem) if problem.waits => Verdict::Waiting,
        Some(_) => Verdict::Refused,
    };
    let waited = applied.waiting_seconds.unwrap_or(0.0);
    let again = if applied.problems.is_empty() {
        applied.awaits_another().then_some(ANNOUNCER_AGAIN)
    } else {
        Some(Duration::from_secs_f64(
            (5.0 + waited).min(PATIENCE_SECONDS),
        ))
    };
    Outcome::of(verdict)
        .after(again)
        .telling(tell(before, after, &applied))
}

fn tell(before: &AchievementStatus, after: &AchievementStatus, applied: &Applied) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(drift) = &applied.drift {
        let done = if applied.written {
            "it was put right"
        } else {
            "driftPolicy Report leaves it so"
        };
        notices.push(Notice::warning("Drifted", format!("{drift}; {done}")));
    }
    match &applied.announcement {
        Decision::Announced { job } if applied.announced => {
            notices.push(Notice::normal(
                "Announced",
                format!("ContentJob {job} announces it"),
            ));
        }
        Decision::Approval { message, .. } if before.approval_digest != after.approval_digest => {
            notices.push(Notice::normal("AwaitingApproval", message.clone()));
        }
        _ => {}
    }
    notices
}

async fn write_status(
    world: &AchievementWorld,
    object: &Achievement,
    before: &AchievementStatus,
    after: &AchievementStatus,
) -> Result<(), ReconcileError> {
    controller::write_status(&world.client, &world.store, object, before, after)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
