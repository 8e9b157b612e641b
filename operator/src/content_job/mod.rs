//! ContentJob: its run and tasks in Postgres, its worker Jobs, and what people see of both.
//!
//! One reconcile is observe → validate → plan → apply → status: the rows first, then the worker Job that they need.

pub mod apply;
pub mod cleanup;
pub mod conditions;
pub mod drift;
pub mod events;
pub mod experiment;
pub mod hire;
pub mod job;
pub mod jobs;
pub mod observe;
pub mod pace;
pub mod plan;
pub mod ports;
pub mod references;
pub mod resolve;
pub mod run;
pub mod staff;
pub mod status;
mod trace;
pub mod validate;
pub mod verdict;
pub mod workers;

pub use run::run;

use crate::{
    controller::{self, ErrorClass, Notice, Outcome, ReconcileError, Verdict as Done},
    signals::Trigger,
    tenancy::home,
};
use apply::{RowLog, Rows};
use backends::postgres::operator::OperatorStore;
use crds::{ConditionType, ContentJob, ContentJobSpec, ContentJobStatus, is_true};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use observe::Asked;
use pace::{LastWrites, Pace, pace};
use references::Waiting;
use resolve::ObstacleKind;
use staff::{Staffing, Workers};
use status::Applied;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;
use validate::ValidatedContentJob;
use verdict::{PATIENCE_SECONDS, verdict};

/// A job that waits for Pods is told when some are free; this is for the word that is lost.
const LIMITED_AGAIN: Duration = Duration::from_secs(60);

/// What a reconcile of a ContentJob reaches.
#[derive(Clone)]
pub struct ContentJobWorld {
    pub client: kube::Client,
    pub store: OperatorStore,
    pub credentials: Arc<dyn ports::CredentialsPort>,
    pub workers: Arc<job::WorkerSettings>,
    pub jobs: jobs::WorkerJobs,
    pub triggers: Trigger<ContentJob>,
    pub last_writes: LastWrites,
    pub waiting: Waiting,
    /// Whether the connection that hears of progress is up.
    pub listening: watch::Receiver<bool>,
}

/// Brings one job, as it was just read, as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; what the status can say of it has been written.
pub async fn reconcile_in(
    world: &ContentJobWorld,
    object: ContentJob,
) -> Result<Outcome, ReconcileError> {
    if object.meta().deletion_timestamp.is_some() {
        return cleanup::delete(world, &object).await;
    }
    let mut object = cleanup::settle_finalizer(world, object).await?;
    let namespace = object.namespace().unwrap_or_default();
    let before = object.status.clone().unwrap_or_default();
    let accepted = is_true(&before.conditions, ConditionType::Accepted);
    let (home, persona) = tokio::join!(
        home(&world.client, &world.workers.install, &namespace),
        early_persona(world, &object, &namespace, accepted)
    );
    let Some(home) = home? else {
        return Ok(Outcome::of(Done::Skipped));
    };
    match validate::validate(&object, &home.tenant) {
        Err(invalid) => {
            let after = status::build_invalid(
                &before,
                object.metadata.generation,
                &invalid,
                Timestamp::now(),
            );
            write_status(world, &object, &before, &after).await?;
            Ok(Outcome::of(Done::Refused))
        }
        Ok(job) => match bring_about(world, &mut object, &job, home.adopts, persona).await {
            Ok(brought) => conclude(world, &object, &job, brought).await,
            Err(error) if error.class == ErrorClass::Fenced => Err(error),
            // What ended stays as it ended, whoever does not answer.
            Err(error) if is_true(&before.conditions, ConditionType::Finished) => Err(error),
            Err(error) => {
                let before = object.status.clone().unwrap_or_default();
                let after = status::build_unavailable(
                    &before,
                    job.generation,
                    &error.message,
                    Timestamp::now(),
                );
                write_status(world, &object, &before, &after).await?;
                Err(error)
            }
        },
    }
}

/// The Persona of a job that is to be started, asked for before anything else is known: people wait for the job's acceptance.
async fn early_persona(
    world: &ContentJobWorld,
    object: &ContentJob,
    namespace: &str,
    accepted: bool,
) -> Option<Asked> {
    let ContentJobSpec {
        suspend,
        cancel,
        persona_ref,
        ..
    } = &object.spec;
    if accepted || *suspend || *cancel {
        return None;
    }
    Some(observe::persona(world, namespace, &persona_ref.name).await)
}

/// What one reconcile did.
struct Brought {
    applied: Applied,
    log: RowLog,
    /// What the early word of the acceptance changed.
    told: Vec<Notice>,
}

/// Rows with the place for workers, then the word that the job is accepted, then what the worker Job needs, and the Job.
/// `object` is afterwards as the last write left it.
async fn bring_about(
    world: &ContentJobWorld,
    object: &mut ContentJob,
    job: &ValidatedContentJob,
    adopts: Option<Uuid>,
    persona: Option<Asked>,
) -> Result<Brought, ReconcileError> {
    if let Some(old) = adopts {
        world.store.adopt_namespace(&job.tenant, old).await?;
    }
    let (rows, log) = apply::apply_rows(world, job, persona).await?;
    let staffing = match &rows {
        Rows::Standing(view) => staff::staff(world, job, view, log.limited.as_deref()).await?,
        Rows::Held | Rows::NeverStarted | Rows::Blocked { .. } => Staffing::Settled(Workers::None),
    };
    let (workers, hire) = match staffing {
        Staffing::Settled(workers) => (workers, None),
        Staffing::Hire(hire) => (hire.expected(), Some(hire)),
    };
    let mut applied = Applied {
        restored: log.restored,
        adopted: log.adopted.is_some(),
        deaf: !*world.listening.borrow(),
        rows,
        workers,
    };
    let mut told = Vec::new();
    if let Some(hire) = hire {
        told = announce(world, object, job, &applied).await?;
        applied.workers = hire::hire(world, object, job, *hire).await?;
        if matches!(applied.workers, Workers::Blocked { .. }) {
            // What was announced does not come: that is said at once.
            world.last_writes.forget(job.uid);
        }
    }
    Ok(Brought { applied, log, told })
}

/// Says that the job is accepted as soon as its rows stand and its place is granted: people wait for that word, and Secrets,
/// credentials and the worker Job take longer than all that went before. It is the write that would follow anyway.
async fn announce(
    world: &ContentJobWorld,
    object: &mut ContentJob,
    job: &ValidatedContentJob,
    expected: &Applied,
) -> Result<Vec<Notice>, ReconcileError> {
    let before = object.status.clone().unwrap_or_default();
    if is_true(&before.conditions, ConditionType::Accepted) {
        return Ok(Vec::new());
    }
    let after = status::build(&before, job, expected, Timestamp::now());
    if let Some(written) = write_status(world, object, &before, &after).await? {
        *object = written;
        world.last_writes.note(job.uid);
    }
    Ok(events::of_changes(&before, &after, &verdict(job, expected)))
}

/// Writes the status at its pace, and says what to tell and when to look again.
async fn conclude(
    world: &ContentJobWorld,
    object: &ContentJob,
    job: &ValidatedContentJob,
    Brought { applied, log, told }: Brought,
) -> Result<Outcome, ReconcileError> {
    let before = object.status.clone().unwrap_or_default();
    let verdict = verdict(job, &applied);
    world
        .waiting
        .note(job, verdict.waiting.as_ref().map(|_| verdict.reason));
    let after = status::build(&before, job, &applied, Timestamp::now());
    let again = look_again(job, &applied);
    let mut deeds = events::of_deeds(&after, &log, &applied.workers);
    deeds.extend(told);
    let outcome = Outcome::of(if verdict.waiting.is_some() {
        Done::Waiting
    } else {
        Done::Applied
    })
    .after(again);
    let since = world.last_writes.since(job.uid, before != after);
    match pace(&before, &after, since) {
        Pace::Nothing => Ok(outcome.telling(deeds)),
        Pace::Later(wait) => Ok(outcome
            .after(Some(again.map_or(wait, |again| again.min(wait))))
            .telling(deeds)),
        Pace::Write => {
            write_status(world, object, &before, &after).await?;
            if after.completed_at.is_some() {
                world.last_writes.forget(job.uid);
            } else {
                world.last_writes.note(job.uid);
            }
            deeds.extend(events::of_changes(&before, &after, &verdict));
            Ok(outcome.telling(deeds))
        }
    }
}

/// When to look without being told; none where only a change matters, so that an idle system asks nothing.
fn look_again(job: &ValidatedContentJob, applied: &Applied) -> Option<Duration> {
    let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.5));
    let patience = |obstacle: &resolve::Obstacle, waited: f64| match obstacle.kind {
        ObstacleKind::Person => None,
        // Nobody tells of Secrets and ConfigMaps, since they are not watched: ever later up to five minutes.
        ObstacleKind::Reference if waited < PATIENCE_SECONDS => Some(seconds(
            (30.0 + waited / 2.0).min(PATIENCE_SECONDS - waited + 1.0),
        )),
        ObstacleKind::Reference => Some(seconds(PATIENCE_SECONDS)),
        ObstacleKind::Hold => Some(seconds(30.0)),
    };
    match (&applied.rows, &applied.workers) {
        (
            Rows::Blocked {
                obstacle,
                waited_seconds,
            },
            _,
        )
        | (
            Rows::Standing(_),
            Workers::Blocked {
                obstacle,
                waited_seconds,
            },
        ) => patience(obstacle, *waited_seconds),
        (Rows::Standing(_), Workers::Unknown) => Some(seconds(1.0)),
        (Rows::Standing(_), Workers::Replacing { seconds: wait, .. }) => {
            Some(seconds(*wait as f64))
        }
        (Rows::Standing(_), Workers::Limited { .. }) => Some(LIMITED_AGAIN),
        (Rows::Standing(view), _) => match view.run.seconds_finished {
            // When the worker Job goes and the status is shortened.
            Some(ended) if ended < f64::from(job.ttl_seconds) => {
                Some(seconds(f64::from(job.ttl_seconds) - ended + 1.0))
            }
            _ => None,
        },
        (Rows::Held | Rows::NeverStarted, _) => None,
    }
}

/// Writes the status where it changed, with the resource version that was read; answers the job as it is then.
async fn write_status(
    world: &ContentJobWorld,
    object: &ContentJob,
    before: &ContentJobStatus,
    after: &ContentJobStatus,
) -> Result<Option<ContentJob>, ReconcileError> {
    controller::write_status(&world.client, &world.store, object, before, after).await
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
