//! Achievement: what a person says of a record, and what is known of it.
//!
//! One reconcile is validate → observe → plan → apply → status. It runs when the resource changes and when
//! `loops::achievements` says that its record did; nobody polls.

pub mod apply;
pub mod cleanup;
pub mod observe;
pub mod plan;
pub mod rescore;
pub mod status;
pub mod validate;

use crate::{
    context::Context,
    controller::{
        self, ErrorClass, Notice, Outcome, ReconcileError, Verdict, driver::StreamEnded, finalizer,
        patch_status,
    },
    loops::{self, orphans},
    signals::Triggered,
};
use backends::postgres::operator::OperatorStore;
use crds::{Achievement, AchievementStatus};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt};
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use validate::ValidatedAchievement;

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

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
        Ok(achievement) => match bring_about(world, &achievement).await {
            Ok(None) => Ok(Outcome::of(Verdict::Skipped)),
            Ok(Some(applied)) => {
                let after = status::build(&before, &achievement, &applied, now);
                write_status(world, object, &before, &after).await?;
                Ok(conclude(applied))
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

/// None where the namespace is gone.
async fn bring_about(
    world: &AchievementWorld,
    achievement: &ValidatedAchievement,
) -> Result<Option<Applied>, ReconcileError> {
    let Some(observed) = observe::observe(world, achievement).await? else {
        return Ok(None);
    };
    let plan = plan::plan(achievement, &observed);
    Ok(Some(
        apply::apply(world, achievement, observed, plan).await?,
    ))
}

/// When to look again, and what to tell. Nobody tells of achievements that a reference waits for.
fn conclude(applied: Applied) -> Outcome {
    let verdict = match applied.first_problem() {
        None => Verdict::Applied,
        Some(problem) if problem.waits => Verdict::Waiting,
        Some(_) => Verdict::Refused,
    };
    let waited = applied.waiting_seconds.unwrap_or(0.0);
    let again = (!applied.problems.is_empty())
        .then(|| Duration::from_secs_f64((5.0 + waited).min(PATIENCE_SECONDS)));
    let notices = applied.drift.iter().map(|drift| {
        let done = if applied.written {
            "it was put right"
        } else {
            "driftPolicy Report leaves it so"
        };
        Notice::warning("Drifted", format!("{drift}; {done}"))
    });
    Outcome::of(verdict).after(again).telling(notices.collect())
}

async fn write_status(
    world: &AchievementWorld,
    object: &Achievement,
    before: &AchievementStatus,
    after: &AchievementStatus,
) -> Result<(), ReconcileError> {
    let api = Api::<Achievement>::namespaced(
        world.client.clone(),
        &object.namespace().unwrap_or_default(),
    );
    patch_status(
        &api,
        &object.name_any(),
        object.resource_version().as_deref(),
        before,
        after,
    )
    .await?;
    Ok(())
}
