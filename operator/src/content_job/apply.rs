//! Makes rows and worker Jobs match the plans. Rows come first: Postgres down means no external write.

use super::{
    ContentJobWorld,
    observe::{self, Asked, ObserveError, identity},
    plan::{Mend, Observed, RowPlan, plan_rows},
    resolve::{Obstacle, References, resolve},
    staff::limited,
    trace,
    validate::ValidatedContentJob,
};
use backends::postgres::{
    StoreError,
    operator::{
        counts::RunView,
        runs::{Adoption, CreatedRun, NewRun, Place, PodBudget, RunExperiment, TaskTemplate},
    },
};
use domain::tasks::TaskPayload;
use tracing::Instrument;

/// Rounds of looking and mending in one reconcile; each mend is done once, so that more are never needed.
const ROUNDS: usize = 4;

/// How the rows of a job stand after `apply`.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// The run cannot be made yet.
    Blocked {
        obstacle: Obstacle,
        /// Seconds for which it has been so.
        waited_seconds: f64,
    },
    Held,
    NeverStarted,
    Standing(Box<RunView>),
}

/// What one reconcile did to the rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowLog {
    pub created: Option<CreatedRun>,
    pub adopted: Option<Adoption>,
    pub restored: u64,
    pub retried: u64,
    pub discarded: u64,
    /// Why the new run has no place for workers, where it asked for one and got none.
    pub limited: Option<String>,
    done: Vec<Mend>,
}

/// Brings the rows to what the spec says, and answers how they stand then. For a job that nobody has looked
/// at, whose Persona was asked for already, what a new run refers to is read at the same time as the rows: people wait for it.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer, or a newer leader writes.
pub async fn apply_rows(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    persona: Option<Asked>,
) -> Result<(Rows, RowLog), ObserveError> {
    let mut log = RowLog::default();
    let early = async {
        match persona {
            Some(asked) => Some(observe::references(world, job, Some(asked)).await),
            None => None,
        }
    };
    let (observed, mut early) = tokio::join!(observe::rows(world, job), early);
    let mut observed = observed?;
    for _ in 0..ROUNDS {
        match (plan_rows(job, &observed), observed.view) {
            (RowPlan::Hold, _) => return Ok((Rows::Held, log)),
            (RowPlan::NeverStarted, _) => return Ok((Rows::NeverStarted, log)),
            (RowPlan::Adopt { run }, _) => {
                let adopted = world
                    .store
                    .adopt_run(run, &identity(job), job.cancel, job.total_seconds)
                    .await?;
                log.adopted = Some(adopted);
            }
            (RowPlan::Create, _) => {
                let references = match early.take() {
                    Some(references) => references?,
                    None => observe::references(world, job, None).await?,
                };
                match create(world, job, &references).await? {
                    Ok((created, limited)) => {
                        (log.created, log.limited) = (Some(created), limited);
                        observed = forgetting_waits(world, job).await?;
                        continue;
                    }
                    Err(obstacle) => return Ok((blocked(world, job, obstacle).await?, log)),
                }
            }
            (RowPlan::Mend(mends), view) => {
                let mends: Vec<Mend> = mends
                    .into_iter()
                    .filter(|mend| !log.done.contains(mend))
                    .collect();
                match view {
                    Some(view) if mends.is_empty() => {
                        return Ok((Rows::Standing(Box::new(view)), log));
                    }
                    Some(view) => {
                        for mend in mends {
                            if let Err(obstacle) =
                                apply_mend(world, job, &view, &mend, &mut log).await?
                            {
                                return Ok((blocked(world, job, obstacle).await?, log));
                            }
                            log.done.push(mend);
                        }
                    }
                    None => {}
                }
            }
        }
        observed = observe::rows(world, job).await?;
    }
    Ok((
        observed
            .view
            .map_or(Rows::Held, |view| Rows::Standing(Box::new(view))),
        log,
    ))
}

async fn apply_mend(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    view: &RunView,
    mend: &Mend,
    log: &mut RowLog,
) -> Result<Result<(), Obstacle>, ObserveError> {
    let (store, run) = (&world.store, view.run.id);
    match mend {
        Mend::RestoreTasks { .. } => log.restored += store.restore_tasks(run).await?,
        Mend::RewriteTasks { missing } => {
            let references = observe::references(world, job, None).await?;
            match create(world, job, &references).await? {
                Ok(_) => {
                    world.store.note_waits(job.uid, &[]).await?;
                    log.restored += missing.unsigned_abs();
                }
                Err(obstacle) => return Ok(Err(obstacle)),
            }
        }
        Mend::Cancel => {
            store.cancel_run(run).await?;
        }
        Mend::Sync => {
            store.sync_run(run, job.priority, job.suspend).await?;
        }
        Mend::Retry { value } => {
            log.retried += store.retry_failed(run, value, job.total_seconds).await?
        }
        Mend::Discard { value } => log.discarded += store.discard_failed(run, value).await?,
        Mend::ForgetVerbs { retry, discard } => store.forget_verbs(run, *retry, *discard).await?,
        Mend::WakeParked => {
            store.wake_parked(run).await?;
        }
        Mend::Finish => {
            store.finish_run(run).await?;
        }
    }
    Ok(Ok(()))
}

/// The rows after a run was written: it waits for no reference any more.
async fn forgetting_waits(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
) -> Result<Observed, ObserveError> {
    let (observed, forgotten) = tokio::join!(
        observe::rows(world, job),
        world.store.note_waits(job.uid, &[])
    );
    forgotten?;
    Ok(observed?)
}

/// Resolves the references and writes run, tasks, reservation, messages and the place for workers in one transaction: that is
/// one flush of the log before the job is accepted. Answers also why there is no place, where none was left.
async fn create(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    references: &References,
) -> Result<Result<(CreatedRun, Option<String>), Obstacle>, ObserveError> {
    let resolved = match resolve(job, references) {
        Ok(resolved) => resolved,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let credentials_digest = resolved.persona.revision.credentials_digest();
    let span = trace::accept(job);
    let payload = TaskPayload {
        traceparent: telemetry::traceparent(&span),
        ..resolved.payload
    };
    let created = world
        .store
        .create_run(&NewRun {
            id: job.run_id,
            identity: identity(job),
            namespace: &job.tenant.namespace,
            persona_uid: resolved.persona.uid,
            persona_name: &job.persona,
            kind: job.kind,
            priority: job.priority,
            parallelism: job.parallelism,
            tokens_limit: job.tokens_limit,
            total_seconds: job.total_seconds,
            tasks_total: job.tasks_total(),
            task_tokens: resolved.task_tokens,
            task: TaskTemplate {
                persona_revision: resolved.persona.revision_id,
                prompt_digest: &resolved.prompt_digest,
                prompt_variables: &resolved.variables,
                credentials_digest: &credentials_digest,
                payload: &payload,
                max_attempts: job.max_attempts,
            },
            experiment: resolved.experiment.as_ref().map(|joined| RunExperiment {
                uid: joined.uid,
                arms: &joined.arms,
            }),
            experiment_note: resolved.experiment_note.as_deref(),
            places: Some(PodBudget {
                wanted: job.parallelism,
                persona: resolved.persona_concurrency,
                install: world.workers.pods_limit,
            }),
        })
        .instrument(trace::write(&span))
        .await
        .inspect_err(|error| telemetry::fail(&span, format!("{:?}", error.class())))?;
    let limited =
        (created.place == Place::Refused).then(|| limited(job, resolved.persona_concurrency));
    Ok(Ok((created, limited)))
}

/// Since when the job waits for this is kept in a row, so that a restart does not begin the five minutes anew.
async fn blocked(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    obstacle: Obstacle,
) -> Result<Rows, StoreError> {
    let waited_seconds = waited(world, job, &obstacle).await?;
    Ok(Rows::Blocked {
        obstacle,
        waited_seconds,
    })
}

/// Notes what a job waits for; answers the seconds for which it has.
///
/// # Errors
/// Database errors.
pub async fn waited(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    obstacle: &Obstacle,
) -> Result<f64, StoreError> {
    let waits = world
        .store
        .note_waits(job.uid, &[obstacle.reason.as_str().to_owned()])
        .await?;
    Ok(waits.first().map_or(0.0, |wait| wait.seconds))
}
