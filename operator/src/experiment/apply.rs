//! Does what the plan holds: row, start, end, pruning; counting and deciding stand in [`super::round`].

use super::{
    ExperimentWorld, observe::Observed, plan::Plan, round, status::Applied, tell,
    validate::ValidatedExperiment,
};
use crate::{
    controller::{Notice, ReconcileError},
    prompt_template::plan::Problem,
};
use backends::postgres::{
    StoreError,
    operator::experiments::{Ensured, ExperimentIdentity, ExperimentRow, WantedExperiment},
};

/// Decisions that a status shows.
const DECISIONS_SHOWN: i64 = 10;

/// Goes as far as the plan asks; answers how the rows stand then.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer, or a newer leader writes. What was done stays done, and the next reconcile
/// goes on from there (FAULTS 10).
pub async fn apply(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    observed: Observed,
    plan: Plan,
) -> Result<Applied, ReconcileError> {
    let mut notices = Vec::new();
    let written = plan.ensure.is_some();
    let row = write_row(world, experiment, &observed, &plan, &mut notices).await?;
    let mut problems = plan.problems;
    let row = match row {
        None => None,
        Some(row) => {
            if plan.cancel
                && world
                    .store
                    .cancel_experiment(row.uid, tell::CANCELLED)
                    .await?
            {
                notices.push(Notice::normal("Cancelled", tell::CANCELLED));
            }
            if plan.start && world.store.start_experiment(row.uid).await? {
                notices.push(tell::started(experiment));
            }
            if let Some(digest) = &plan.approve {
                problems
                    .extend(round::approve(world, experiment, &row, digest, &mut notices).await?);
            }
            if plan.evaluate {
                round::run(world, experiment, &row, &mut notices).await?;
            }
            if let Some(seconds) = plan.prune_after
                && world.store.prune_experiment(row.uid, seconds).await?
            {
                notices.push(Notice::normal(
                    "Pruned",
                    "the details of its units were removed; figures and decisions stay",
                ));
            }
            world.store.experiment_of(experiment.uid).await?
        }
    };
    let (decisions, promotion, late_outcomes) = match &row {
        Some(row) => (
            world
                .store
                .experiment_decisions(row.uid, DECISIONS_SHOWN)
                .await?,
            world.store.promotion_of(row.uid).await?,
            world.store.late_outcomes(row.uid).await?,
        ),
        None => (Vec::new(), None, 0),
    };
    let waiting_seconds = note_waits(world, experiment, &problems).await?;
    Ok(Applied {
        row,
        decisions,
        promotion,
        late_outcomes,
        problems,
        drift: plan.drift,
        written,
        waiting_seconds,
        paused: *world.paused.borrow(),
        notices,
    })
}

/// Makes the row what the plan asks for; answers it as it is then, where there is one.
async fn write_row(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    observed: &Observed,
    plan: &Plan,
    notices: &mut Vec<Notice>,
) -> Result<Option<ExperimentRow>, StoreError> {
    let Some((persona_uid, arms)) = &plan.ensure else {
        if let (Some(row), Some(suspended)) = (&observed.row, plan.suspend) {
            world.store.suspend_experiment(row.uid, suspended).await?;
        }
        return Ok(observed.row.clone());
    };
    let wanted = WantedExperiment {
        identity: ExperimentIdentity {
            object_uid: experiment.uid,
            namespace: &experiment.namespace,
            namespace_uid: observed.namespace_uid,
            name: &experiment.name,
        },
        persona_uid: *persona_uid,
        design: &experiment.design,
        arms,
        suspended: experiment.suspended,
    };
    let (row, ensured) = world.store.ensure_experiment(&wanted).await?;
    if ensured == Ensured::Adopted {
        notices.push(Notice::normal(
            "Adopted",
            "an experiment of the same design was found under this name; it goes on where it was",
        ));
    }
    Ok(Some(row))
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    problems: &[Problem],
) -> Result<Option<f64>, StoreError> {
    let reasons: Vec<String> = problems
        .iter()
        .filter(|problem| problem.waits)
        .map(|problem| problem.reason.as_str().to_owned())
        .collect();
    if reasons.is_empty() && !world.store.waits(experiment.uid).await? {
        return Ok(None);
    }
    let waits = world.store.note_waits(experiment.uid, &reasons).await?;
    Ok(waits.iter().map(|wait| wait.seconds).reduce(f64::max))
}
