//! Which arm a new task gets. An experiment's row is held FOR SHARE from the reading of its weights to the commit, so that an
//! epoch change and an assignment cannot cross; what was assigned once is stored and never worked out again.

use super::{NewRun, PinnedPrompt};
use crate::postgres::{StoreError, operator::OperatorStore};
use domain::{
    experiment::{Design, KnownBefore, covariate_values},
    names::unit_of_task,
    prompts::PromptSource,
    statistics::assign::{BASIS_POINTS, assign},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{Postgres, Transaction, types::Json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Posts that the covariate TrailingMean looks back on.
const TRAILING_POSTS: i64 = 50;

/// The experiment that a run's tasks join, with what each arm's tasks are made from.
#[derive(Debug, Clone)]
pub struct RunExperiment<'a> {
    pub uid: Uuid,
    /// One an arm, in the experiment's order.
    pub arms: &'a [ArmPrompt],
}

/// The prompt of one arm's tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmPrompt {
    /// Name of the arm.
    pub name: String,
    pub digest: String,
    pub variables: Map<String, Value>,
}

/// Prompts of a run whose tasks differ, as the run keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ArmPrompts {
    /// Of tasks without an arm; its name is empty.
    pub base: ArmPrompt,
    pub arms: Vec<ArmPrompt>,
}

/// What a task was given.
#[derive(Debug, Clone, Copy, PartialEq, sqlx::FromRow)]
pub(super) struct Given {
    pub task_id: Uuid,
    pub arm: i32,
    pub probability: f64,
    pub weight_epoch: i32,
}

impl Given {
    /// The probability in basis points, as the task's row has it.
    pub fn probability_bp(&self) -> i32 {
        #[allow(clippy::cast_possible_truncation, reason = "it is from 0 to 1")]
        let basis_points = (self.probability * f64::from(BASIS_POINTS)).round() as i32;
        basis_points
    }
}

/// A locked experiment, with what an assignment needs.
struct Locked {
    key: Vec<u8>,
    design: Design,
    epoch: i32,
    weights: Vec<u32>,
}

impl OperatorStore {
    /// A version by its digest, with the name of its template; none where no template of the namespace has it.
    ///
    /// # Errors
    /// Database errors.
    pub async fn prompt_of_digest(
        &self,
        namespace: &str,
        digest: &str,
    ) -> Result<Option<(String, PinnedPrompt)>, StoreError> {
        let row: Option<(String, String, String, String, String)> = sqlx::query_as(
            "SELECT template_name, version, system, hook, body FROM prompt_versions WHERE namespace = $1 AND digest = $2",
        )
        .bind(namespace)
        .bind(digest)
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|(template, version, system, hook, body)| {
            let prompt = PinnedPrompt {
                digest: digest.to_owned(),
                version,
                source: PromptSource { system, hook, body },
            };
            (template, prompt)
        }))
    }
}

/// Arms of the run's tasks: those that were given before, and new ones for tasks that never were. Writes the units of the new
/// ones. Tasks that stand without an arm, or whose post stands, stay without one; so do those beyond the experiment's
/// `maxUnits`.
///
/// # Errors
/// [`StoreError::Changed`] where the experiment takes no units any more.
pub(super) async fn assign_arms(
    transaction: &mut Transaction<'static, Postgres>,
    run: &NewRun<'_>,
    tasks: &[Uuid],
) -> Result<HashMap<Uuid, Given>, StoreError> {
    let mut given: HashMap<Uuid, Given> = sqlx::query_as(
        "SELECT task_id, arm, probability, weight_epoch FROM experiment_units WHERE task_id = ANY($1)",
    )
    .bind(tasks)
    .fetch_all(&mut **transaction)
    .await?
    .into_iter()
    .map(|given: Given| (given.task_id, given))
    .collect();
    let joined: Option<Uuid> =
        sqlx::query_scalar("SELECT experiment_uid FROM content_runs WHERE id = $1")
            .bind(run.id)
            .fetch_one(&mut **transaction)
            .await?;
    let Some(experiment) = run
        .experiment
        .as_ref()
        .map(|experiment| experiment.uid)
        .filter(|uid| joined == Some(*uid))
    else {
        return Ok(given);
    };
    let written: HashSet<Uuid> = sqlx::query_scalar(
        "SELECT id FROM tasks WHERE id = ANY($1) UNION SELECT task_id FROM posts WHERE task_id = ANY($1)",
    )
    .bind(tasks)
    .fetch_all(&mut **transaction)
    .await?
    .into_iter()
    .collect();
    let fresh: Vec<Uuid> = tasks
        .iter()
        .copied()
        .filter(|task| !given.contains_key(task) && !written.contains(task))
        .collect();
    if !fresh.is_empty() {
        let new = assign_fresh(transaction, run, experiment, fresh).await?;
        given.extend(new.into_iter().map(|given| (given.task_id, given)));
    }
    Ok(given)
}

async fn assign_fresh(
    transaction: &mut Transaction<'static, Postgres>,
    run: &NewRun<'_>,
    experiment: Uuid,
    mut tasks: Vec<Uuid>,
) -> Result<Vec<Given>, StoreError> {
    let locked = lock(transaction, experiment).await?;
    if let Some(room) = room(transaction, experiment, &locked.design).await? {
        tasks.truncate(room);
    }
    let mut given = Vec::with_capacity(tasks.len());
    for task in tasks {
        let unit = unit_of_task(experiment, task).to_string();
        let assignment =
            assign(&locked.key, experiment, &unit, &locked.weights).ok_or_else(|| {
                StoreError::Invalid(format!(
                    "the weights of experiment {experiment} do not sum to {BASIS_POINTS}"
                ))
            })?;
        given.push(Given {
            task_id: task,
            arm: i32::try_from(assignment.arm).unwrap_or(i32::MAX),
            probability: assignment.probability(),
            weight_epoch: locked.epoch,
        });
    }
    let known = known_before(transaction, run.persona_uid, &locked.design).await?;
    let covariates = covariate_values(&locked.design.covariates, &known);
    insert_units(transaction, run.namespace, experiment, &given, &covariates).await?;
    Ok(given)
}

/// Weights are read by a statement of their own: one that waited for the lock would still see those of before.
async fn lock(
    transaction: &mut Transaction<'static, Postgres>,
    experiment: Uuid,
) -> Result<Locked, StoreError> {
    let row: Option<(Vec<u8>, Json<Design>, i32)> = sqlx::query_as(
        "SELECT assignment_key, design, weight_epoch FROM experiments
         WHERE uid = $1 AND started_at IS NOT NULL AND ended_at IS NULL AND gone_at IS NULL AND NOT suspended FOR SHARE",
    )
    .bind(experiment)
    .fetch_optional(&mut **transaction)
    .await?;
    let (key, Json(design), epoch) = row.ok_or(StoreError::Changed(
        "the experiment takes no posts any more",
    ))?;
    let weights: Option<Vec<i32>> = sqlx::query_scalar(
        "SELECT weights_bp FROM experiment_weights WHERE experiment_uid = $1 AND epoch = $2",
    )
    .bind(experiment)
    .bind(epoch)
    .fetch_optional(&mut **transaction)
    .await?;
    let weights = match weights {
        Some(weights) => weights
            .into_iter()
            .map(|weight| u32::try_from(weight).unwrap_or(0))
            .collect(),
        None => design.arms.iter().map(|arm| arm.weight_bp).collect(),
    };
    Ok(Locked {
        key,
        design,
        epoch,
        weights,
    })
}

/// How many units the experiment still takes; none where it has no limit. Runs that are made at once count one after another.
async fn room(
    transaction: &mut Transaction<'static, Postgres>,
    experiment: Uuid,
    design: &Design,
) -> Result<Option<usize>, StoreError> {
    let Some(limit) = design.stopping.max_units else {
        return Ok(None);
    };
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('units ' || $1::text, 0))")
        .bind(experiment)
        .execute(&mut **transaction)
        .await?;
    let taken: i64 =
        sqlx::query_scalar("SELECT count(*) FROM experiment_units WHERE experiment_uid = $1")
            .bind(experiment)
            .fetch_one(&mut **transaction)
            .await?;
    let left = limit.saturating_sub(taken.unsigned_abs());
    Ok(Some(usize::try_from(left).unwrap_or(usize::MAX)))
}

/// What the database's clock and the persona's own matured posts say now.
async fn known_before(
    transaction: &mut Transaction<'static, Postgres>,
    persona: Uuid,
    design: &Design,
) -> Result<KnownBefore, StoreError> {
    let (assigned_at, trailing_mean): (i64, Option<f64>) = sqlx::query_as(
        "SELECT extract(epoch FROM now())::bigint, (SELECT avg(CASE WHEN $3::text IS NULL THEN (y > 0)::integer::double precision
                 WHEN x > 0 THEN y / x ELSE 0 END) FROM (
             SELECT coalesce(numerator.snapshot, numerator.events, 0) AS y, coalesce(denominator.snapshot, denominator.events, 0) AS x
             FROM posts post
             LEFT JOIN outcome_totals numerator ON numerator.subject = post.id AND numerator.metric = $2
             LEFT JOIN outcome_totals denominator ON denominator.subject = post.id AND denominator.metric = $3
             WHERE post.persona_uid = $1 AND post.published_at < now() - make_interval(secs => $4)
               AND (numerator.subject IS NOT NULL OR denominator.subject IS NOT NULL)
             ORDER BY post.published_at DESC LIMIT $5) past)",
    )
    .bind(persona)
    .bind(&design.metric.numerator)
    .bind(&design.metric.denominator)
    .bind((design.attribution_seconds + design.ingest_grace_seconds) as f64)
    .bind(TRAILING_POSTS)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(KnownBefore {
        assigned_at,
        trailing_mean: trailing_mean.unwrap_or(0.0),
        own_past: 0.0,
    })
}

async fn insert_units(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    experiment: Uuid,
    given: &[Given],
    covariates: &[f64],
) -> Result<(), StoreError> {
    let tasks: Vec<Uuid> = given.iter().map(|given| given.task_id).collect();
    let ids: Vec<Uuid> = tasks
        .iter()
        .map(|task| unit_of_task(experiment, *task))
        .collect();
    let arms: Vec<i32> = given.iter().map(|given| given.arm).collect();
    let probabilities: Vec<f64> = given.iter().map(|given| given.probability).collect();
    let epochs: Vec<i32> = given.iter().map(|given| given.weight_epoch).collect();
    sqlx::query(
        "INSERT INTO experiment_units (id, experiment_uid, namespace, task_id, arm, probability, weight_epoch, covariates)
         SELECT unit.id, $6, $7, unit.task_id, unit.arm, unit.probability, unit.epoch, $8
         FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::double precision[], $5::integer[])
             AS unit (id, task_id, arm, probability, epoch)",
    )
    .bind(ids)
    .bind(tasks)
    .bind(arms)
    .bind(probabilities)
    .bind(epochs)
    .bind(experiment)
    .bind(namespace)
    .bind(covariates)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
