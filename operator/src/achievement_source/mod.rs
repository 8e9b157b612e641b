//! AchievementSource: its row, by which webhook, inbox and workers know it, and its sealed webhook secrets.
//!
//! One reconcile is validate → observe → plan → apply → status. It runs when the resource changes, when `watch` sees that its row
//! did, and while a Secret is waited for.

pub mod apply;
pub mod cleanup;
pub mod jobs;
pub mod observe;
pub mod plan;
pub mod status;
pub mod validate;
mod watch;

use crate::{
    context::Context,
    controller::{
        self, ErrorClass, Outcome, ReconcileError, Verdict, driver::StreamEnded, finalizer,
    },
    loops::orphans,
    prompt_template::plan::Problem,
    signals::Triggered,
};
use backends::{postgres::operator::OperatorStore, sealed::Sealer};
use crds::{AchievementSource, AchievementSourceStatus, Reason};
use k8s_openapi::jiff::Timestamp;
use secrecy::ExposeSecret;
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use validate::ValidatedSource;

/// A Secret that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;
/// Nobody tells of Secrets, since they are not watched: a rotation is seen after this.
const SECRETS_AGAIN: Duration = Duration::from_secs(60);

/// What a reconcile of a source reaches.
#[derive(Clone)]
pub struct SourceWorld {
    pub client: kube::Client,
    pub store: OperatorStore,
    /// Identity of the install.
    pub install: String,
    /// Seals webhook secrets; absent where the operator was given no pepper.
    pub sealer: Option<Arc<Sealer>>,
}

impl SourceWorld {
    #[must_use]
    pub fn new(ctx: &Context) -> Self {
        let pepper = ctx.settings.api_key_pepper.as_ref();
        let sealer = pepper.and_then(|pepper| {
            Sealer::new(pepper.expose_secret().as_bytes())
                .inspect_err(|error| tracing::error!(%error, "webhook secrets cannot be sealed"))
                .ok()
        });
        Self {
            client: ctx.client.clone(),
            store: ctx.store.clone(),
            install: ctx.settings.install.clone(),
            sealer: sealer.map(Arc::new),
        }
    }
}

/// Runs the controller until the process drains.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run(
    ctx: Arc<Context>,
    triggered: Triggered<AchievementSource>,
) -> Result<(), StreamEnded> {
    let world = SourceWorld::new(&ctx);
    let reconcile = move |source: Arc<AchievementSource>, _: Arc<Context>| {
        let world = world.clone();
        async move { reconcile_in(&world, &source).await }
    };
    let mut beside = JoinSet::new();
    beside.spawn(watch::run(ctx.clone()));
    let looking = ctx.clone();
    let ended = controller::run(
        ctx,
        triggered,
        |controller, living| {
            beside.spawn(orphans::run(
                looking,
                living,
                orphans::Kind::AchievementSource,
            ));
            controller
        },
        reconcile,
    )
    .await;
    beside.shutdown().await;
    ended
}

/// Brings one source, as it was just read, as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; what the status can say of it has been written.
pub async fn reconcile_in(
    world: &SourceWorld,
    object: &AchievementSource,
) -> Result<Outcome, ReconcileError> {
    if object.metadata.deletion_timestamp.is_some() {
        return cleanup::delete(world, object).await;
    }
    let object = &finalizer::settle(&world.client, object, object.spec.deletion_policy).await?;
    let before = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let now = Timestamp::now();
    match validate::validate(object) {
        Err(invalid) => {
            let problem = Problem::of_person(Reason::SpecInvalid, invalid.to_string());
            let after = status::build_obstructed(&before, generation, &problem, now);
            write_status(world, object, &before, &after).await?;
            Ok(Outcome::of(Verdict::Refused))
        }
        Ok(source) => match bring_about(world, &source).await {
            Ok(None) => Ok(Outcome::of(Verdict::Skipped)),
            Ok(Some(applied)) => {
                let after = status::build(&before, &source, &applied, now);
                write_status(world, object, &before, &after).await?;
                Ok(conclude(&applied))
            }
            Err(error) if error.class == ErrorClass::Fenced => Err(error),
            Err(error) => {
                let problem =
                    Problem::waiting(Reason::DependencyUnavailable, error.message.clone());
                let after = status::build_obstructed(&before, generation, &problem, now);
                write_status(world, object, &before, &after).await?;
                Err(error)
            }
        },
    }
}

/// None where the namespace is gone.
async fn bring_about(
    world: &SourceWorld,
    source: &ValidatedSource,
) -> Result<Option<Applied>, ReconcileError> {
    let Some(observed) = observe::observe(world, source).await? else {
        return Ok(None);
    };
    let plan = plan::plan(source, &observed);
    Ok(Some(apply::apply(world, source, observed, plan).await?))
}

/// When to look again: sooner while something is missing.
fn conclude(applied: &Applied) -> Outcome {
    if applied.problems.is_empty() {
        return Outcome::done().after(Some(SECRETS_AGAIN));
    }
    let waited = applied.waiting_seconds.unwrap_or(0.0);
    let again = Duration::from_secs_f64((5.0 + waited).min(PATIENCE_SECONDS));
    Outcome::of(Verdict::Waiting).after(Some(again))
}

async fn write_status(
    world: &SourceWorld,
    object: &AchievementSource,
    before: &AchievementSourceStatus,
    after: &AchievementSourceStatus,
) -> Result<(), ReconcileError> {
    controller::write_status(&world.client, &world.store, object, before, after)
        .await
        .map(drop)
}
