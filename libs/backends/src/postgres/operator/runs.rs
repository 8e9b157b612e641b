//! Runs of ContentJobs: a run, its tasks, the tokens they may use and the messages that wake workers stand or fall together.
//!
//! Locks are taken in one order by all who write here and by the workers' functions: tasks, then the run, then the
//! persona's day.

mod adoption;
mod assignment;
mod ending;
mod mending;
pub(super) mod pods;
mod references;
mod reserve;
mod tasks;

pub use adoption::Adoption;
pub use assignment::{ArmPrompt, RunExperiment};
pub use ending::{Owner, OwnerKind};
pub use pods::{JobSlot, Place, PodBudget, WaitingRun};
pub use references::{PinnedPersona, PinnedPrompt};
pub use reserve::Reservation;

use super::OperatorStore;
use crate::postgres::StoreError;
use assignment::ArmPrompts;
use domain::tasks::{TaskKind, TaskPayload};
use serde_json::{Map, Value};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// Channel on which the relay hears that outbox rows wait.
pub const OUTBOX_CHANNEL: &str = "threads_outbox";

/// What makes two runs the same run.
#[derive(Debug, Clone, Copy)]
pub struct RunIdentity<'a> {
    pub job_uid: Uuid,
    pub namespace_uid: Uuid,
    pub name: &'a str,
    /// `spec.runId`, empty where there is none.
    pub run_key: &'a str,
    /// Digest of the fields that cannot change.
    pub spec_digest: &'a str,
}

/// A run that shall exist, with what its tasks share.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    pub id: Uuid,
    pub identity: RunIdentity<'a>,
    pub namespace: &'a str,
    pub persona_uid: Uuid,
    pub persona_name: &'a str,
    pub kind: TaskKind,
    pub priority: i32,
    pub parallelism: i32,
    pub tokens_limit: Option<i64>,
    /// Seconds from now after which the run's tasks fail.
    pub total_seconds: i32,
    pub tasks_total: i32,
    /// Tokens to reserve for one task.
    pub task_tokens: i64,
    pub task: TaskTemplate<'a>,
    /// The experiment that the tasks join.
    pub experiment: Option<RunExperiment<'a>>,
    /// What people are told of the experiment, or of why there is none.
    pub experiment_note: Option<&'a str>,
    /// The worker Pods that it asks for with its rows; none asks for none.
    pub places: Option<PodBudget>,
}

/// What all tasks of a run share, but for the prompt of those that have an arm.
#[derive(Debug, Clone)]
pub struct TaskTemplate<'a> {
    pub persona_revision: Uuid,
    pub prompt_digest: &'a str,
    pub prompt_variables: &'a Map<String, Value>,
    pub credentials_digest: &'a str,
    pub payload: &'a TaskPayload,
    pub max_attempts: i32,
}

/// What [`OperatorStore::create_run`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedRun {
    /// False where an earlier attempt had written the run already.
    pub new: bool,
    pub reservation: Reservation,
    /// Unfinished runs of the same resource that this one took the place of.
    pub superseded: u64,
    pub place: Place,
}

impl OperatorStore {
    /// Writes a run with its tasks, reservation, outbox rows and place for workers in one transaction. Repeating it changes
    /// nothing.
    ///
    /// Tasks that the budget does not hold are parked. A task whose post stands already is written as completed. Other
    /// unfinished runs of the same resource end, because a resource has one run at a time.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn create_run(&self, run: &NewRun<'_>) -> Result<CreatedRun, StoreError> {
        let mut transaction = self.begin().await?;
        let superseded = ending::supersede(&mut transaction, &run.identity, run.id).await?;
        let new = insert_run(&mut transaction, run).await?;
        tasks::insert_tasks(&mut transaction, run, new).await?;
        let reservation = reserve::reserve_and_queue(&mut transaction, run.id).await?;
        let place = match run.places.filter(|_| new) {
            Some(asked) => pods::first_place(&mut transaction, run.id, asked, &reservation).await?,
            None => Place::NotAsked,
        };
        transaction.commit().await?;
        Ok(CreatedRun {
            new,
            reservation,
            superseded,
            place,
        })
    }

    /// Brings what may change while a run lives into its row and its tasks; answers whether anything differed.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sync_run(
        &self,
        run: Uuid,
        priority: i32,
        suspended: bool,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let tasks = sqlx::query(
            "UPDATE tasks SET priority = $2 WHERE run_id = $1 AND priority <> $2 AND status IN ('queued', 'processing', 'parked')",
        )
        .bind(run)
        .bind(priority)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        let resumed: Option<bool> = sqlx::query_scalar(
            "UPDATE content_runs SET priority = $2, suspended = $3 WHERE id = $1 AND (priority, suspended) <> ($2, $3)
             RETURNING NOT suspended",
        )
        .bind(run)
        .bind(priority)
        .bind(suspended)
        .fetch_optional(&mut *transaction)
        .await?;
        if resumed == Some(true) {
            // Workers acknowledged the messages of a suspended run, because nothing of it was claimable.
            reserve::wake_queued(&mut transaction, run).await?;
        }
        transaction.commit().await?;
        Ok(tasks > 0 || resumed.is_some())
    }
}

async fn insert_run(
    transaction: &mut Transaction<'static, Postgres>,
    run: &NewRun<'_>,
) -> Result<bool, StoreError> {
    let identity = &run.identity;
    let prompts = run.experiment.as_ref().map(|experiment| ArmPrompts {
        base: run.task.prompt(),
        arms: experiment.arms.to_vec(),
    });
    let inserted = sqlx::query(
        "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, run_key, spec_digest,
             kind, priority, parallelism, credentials_digest, tokens_limit, tasks_total, task_tokens, deadline_at, job_ordinal,
             experiment_uid, experiment_note, arm_prompts)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, now() + make_interval(secs => $17),
             -- The names of worker Jobs count on over all runs of one resource.
             coalesce((SELECT max(job_ordinal) FROM content_runs WHERE job_uid = $2), 0), $18, $19, $20
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(run.id)
    .bind(identity.job_uid)
    .bind(run.namespace)
    .bind(identity.namespace_uid)
    .bind(identity.name)
    .bind(run.persona_uid)
    .bind(run.persona_name)
    .bind(identity.run_key)
    .bind(identity.spec_digest)
    .bind(kind_word(run.kind))
    .bind(run.priority)
    .bind(run.parallelism)
    .bind(run.task.credentials_digest)
    .bind(run.tokens_limit)
    .bind(run.tasks_total)
    .bind(run.task_tokens)
    .bind(f64::from(run.total_seconds))
    .bind(run.experiment.as_ref().map(|experiment| experiment.uid))
    .bind(run.experiment_note)
    .bind(prompts.map(Json))
    .execute(&mut **transaction)
    .await?
    .rows_affected();
    Ok(inserted > 0)
}

/// The word of the column `kind`.
fn kind_word(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Generate => "generate",
        TaskKind::Plan => "plan",
        TaskKind::Embed => "embed",
    }
}
