//! Makes rows and worker Jobs match the plans. Rows come first: Postgres down means no external write.

use super::{
    ContentJobWorld,
    observe::{self, ObserveError, identity},
    plan::{Mend, RowPlan, plan_rows},
    resolve::{Obstacle, resolve},
    validate::ValidatedContentJob,
};
use backends::postgres::{
    StoreError,
    operator::{
        counts::RunView,
        runs::{Adoption, CreatedRun, NewRun, RunExperiment, TaskTemplate},
    },
};

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
    done: Vec<Mend>,
}

/// Brings the rows to what the spec says, and answers how they stand then.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer, or a newer leader writes.
pub async fn apply_rows(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
) -> Result<(Rows, RowLog), ObserveError> {
    let mut log = RowLog::default();
    for _ in 0..ROUNDS {
        let observed = observe::rows(world, job).await?;
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
            (RowPlan::Create, _) => match create(world, job).await? {
                Ok(created) => log.created = Some(created),
                Err(obstacle) => return Ok((blocked(world, job, obstacle).await?, log)),
            },
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
    }
    let view = world.store.run_view(&identity(job)).await?;
    Ok((
        view.map_or(Rows::Held, |view| Rows::Standing(Box::new(view))),
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
        Mend::RewriteTasks { missing } => match create(world, job).await? {
            Ok(_) => log.restored += missing.unsigned_abs(),
            Err(obstacle) => return Ok(Err(obstacle)),
        },
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

/// Resolves the references and writes run, tasks, reservation and messages in one transaction.
async fn create(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
) -> Result<Result<CreatedRun, Obstacle>, ObserveError> {
    let references = observe::references(world, job).await?;
    let resolved = match resolve(job, &references) {
        Ok(resolved) => resolved,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let credentials_digest = resolved.persona.revision.credentials_digest();
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
                payload: &resolved.payload,
                max_attempts: job.max_attempts,
            },
            experiment: resolved.experiment.as_ref().map(|joined| RunExperiment {
                uid: joined.uid,
                arms: &joined.arms,
            }),
            experiment_note: resolved.experiment_note.as_deref(),
        })
        .await?;
    world.store.note_waits(job.uid, &[]).await?;
    Ok(Ok(created))
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
