//! The task rows of a new run.

use super::{
    NewRun, TaskTemplate,
    assignment::{self, ArmPrompt, ArmPrompts},
    kind_word,
};
use crate::postgres::StoreError;
use domain::names::task_id;
use serde_json::{Map, Value};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// New tasks begin parked; [`super::reserve::reserve_and_queue`] queues those that the budget holds. `new` says that the run's
/// row was written just now.
pub(super) async fn insert_tasks(
    transaction: &mut Transaction<'static, Postgres>,
    run: &NewRun<'_>,
    new: bool,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = (0..run.tasks_total)
        .map(|index| task_id(run.id, index))
        .collect();
    let arms = if new && run.experiment.is_none() {
        TaskArms::of_none(run)
    } else {
        TaskArms::of(transaction, run, &ids).await?
    };
    let task = &run.task;
    sqlx::query(
        "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, prompt_variables, protocol,
             credentials_digest, kind, index, payload, priority, max_attempts, status, parked_reason, completed_at,
             arm, arm_probability_bp, weight_epoch)
         SELECT item.id, $2, $3, $4, $5, item.digest, item.variables, $6, $7, $8, item.ordinality - 1, $9, $10, $11,
             CASE WHEN post.id IS NULL THEN 'parked' ELSE 'completed' END,
             CASE WHEN post.id IS NULL THEN 'BudgetExhausted' END, post.ts, item.arm, item.probability_bp, item.weight_epoch
         FROM unnest($1::uuid[], $12::text[], $13::jsonb[], $14::text[], $15::integer[], $16::integer[]) WITH ORDINALITY
             AS item (id, digest, variables, arm, probability_bp, weight_epoch, ordinality)
         LEFT JOIN posts post ON post.task_id = item.id
         ON CONFLICT DO NOTHING",
    )
    .bind(ids)
    .bind(run.namespace)
    .bind(run.id)
    .bind(run.persona_uid)
    .bind(task.persona_revision)
    .bind(run.kind.protocol())
    .bind(task.credentials_digest)
    .bind(kind_word(run.kind))
    .bind(Json(task.payload))
    .bind(run.priority)
    .bind(task.max_attempts)
    .bind(arms.digests)
    .bind(arms.variables)
    .bind(arms.names)
    .bind(arms.probabilities_bp)
    .bind(arms.epochs)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// What differs between the tasks of a run, one entry a task.
#[derive(Default)]
struct TaskArms {
    digests: Vec<String>,
    variables: Vec<Json<Map<String, Value>>>,
    names: Vec<Option<String>>,
    probabilities_bp: Vec<Option<i32>>,
    epochs: Vec<Option<i32>>,
}

impl TaskArms {
    /// Of a run that is new and joins no experiment.
    fn of_none(run: &NewRun<'_>) -> Self {
        let tasks = usize::try_from(run.tasks_total).unwrap_or(0);
        Self {
            digests: vec![run.task.prompt_digest.to_owned(); tasks],
            variables: vec![Json(run.task.prompt_variables.clone()); tasks],
            names: vec![None; tasks],
            probabilities_bp: vec![None; tasks],
            epochs: vec![None; tasks],
        }
    }

    async fn of(
        transaction: &mut Transaction<'static, Postgres>,
        run: &NewRun<'_>,
        tasks: &[Uuid],
    ) -> Result<Self, StoreError> {
        let given = assignment::assign_arms(transaction, run, tasks).await?;
        // Those of the first attempt hold: an arm's tasks never change their prompt.
        let kept: Option<Json<ArmPrompts>> =
            sqlx::query_scalar("SELECT arm_prompts FROM content_runs WHERE id = $1")
                .bind(run.id)
                .fetch_one(&mut **transaction)
                .await?;
        let prompts = kept.map_or_else(
            || ArmPrompts {
                base: run.task.prompt(),
                arms: Vec::new(),
            },
            |Json(prompts)| prompts,
        );
        let mut arms = Self::default();
        for task in tasks {
            let given = given.get(task);
            let prompt = given.and_then(|given| prompts.arms.get(usize::try_from(given.arm).ok()?));
            let used = prompt.unwrap_or(&prompts.base);
            let given = given.filter(|_| prompt.is_some());
            arms.digests.push(used.digest.clone());
            arms.variables.push(Json(used.variables.clone()));
            arms.names.push(prompt.map(|prompt| prompt.name.clone()));
            arms.probabilities_bp
                .push(given.map(assignment::Given::probability_bp));
            arms.epochs.push(given.map(|given| given.weight_epoch));
        }
        Ok(arms)
    }
}

impl TaskTemplate<'_> {
    /// The prompt of tasks without an arm.
    pub(super) fn prompt(&self) -> ArmPrompt {
        ArmPrompt {
            name: String::new(),
            digest: self.prompt_digest.to_owned(),
            variables: self.prompt_variables.clone(),
        }
    }
}
