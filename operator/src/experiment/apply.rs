//! Does what the plan holds: row, start, end, and the round of maturing, counting, evaluating and deciding.

use super::{
    ExperimentWorld, canary,
    observe::{self, Observed},
    plan::{self, Act, Plan},
    status::Applied,
    tell,
    validate::ValidatedExperiment,
};
use crate::controller::{Notice, ReconcileError};
use backends::postgres::{
    StoreError,
    operator::experiments::{
        Action, Decided, Decision, Ensured, ExperimentIdentity, ExperimentRow, Gathered, Matured,
        WantedExperiment,
    },
};
use crds::PromptTemplate;
use domain::experiment::{Allocation, Evaluation};

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
                problems.extend(approve(world, experiment, &row, digest, &mut notices).await?);
            }
            if plan.evaluate {
                evaluate_round(world, experiment, &row, &mut notices).await?;
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

/// Matures what is due, counts, evaluates, and decides or records. Each step may be repeated: what matured stays as it froze, and
/// of two who decide one does (FAULTS 10, 12).
async fn evaluate_round(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: &ExperimentRow,
    notices: &mut Vec<Notice>,
) -> Result<(), ReconcileError> {
    count_matured(world, world.store.mature_units(row.uid).await?);
    let Some(gathered) = world.store.gather_evidence(row.uid).await? else {
        return Ok(());
    };
    let evaluation = (world.evaluate)(&row.design, &gathered.evidence);
    if evaluation.verdict.is_final() {
        return decide(world, experiment, row, &evaluation, &gathered, notices).await;
    }
    world
        .store
        .record_evaluation(row.uid, &evaluation, &gathered)
        .await?;
    if let Some(weights) = next_weights(row, &evaluation, &gathered) {
        let epoch = gathered
            .evidence
            .epochs
            .last()
            .map_or(0, |epoch| epoch.number);
        if world.store.set_weights(row.uid, epoch, weights).await? {
            notices.push(tell::weights(row, weights));
        }
    }
    canary::look(world, experiment, row, &gathered).await
}

fn count_matured(world: &ExperimentWorld, matured: Matured) {
    let Matured {
        published,
        zero,
        missing,
        excluded,
    } = matured;
    for (fate, units) in [
        ("published", published),
        ("zero", zero),
        ("missing", missing),
        ("excluded", excluded),
    ] {
        world.metrics.units.with_label_values(&[fate]).inc_by(units);
    }
}

/// Weights that a bandit wants, once the current ones have been in force for its cadence.
fn next_weights<'a>(
    row: &ExperimentRow,
    evaluation: &'a Evaluation,
    gathered: &Gathered,
) -> Option<&'a [u32]> {
    let Allocation::Bandit {
        cadence_seconds, ..
    } = row.design.allocation
    else {
        return None;
    };
    let since = gathered.evidence.epochs.last()?.since;
    let weights = evaluation.next_weights_bp.as_deref()?;
    (gathered.evidence.now - since >= cadence_seconds && weights.len() == row.design.arms.len())
        .then_some(weights)
}

async fn decide(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: &ExperimentRow,
    evaluation: &Evaluation,
    gathered: &Gathered,
    notices: &mut Vec<Notice>,
) -> Result<(), ReconcileError> {
    // The template is read now: between the start and this moment somebody may have fixed the track in Git, and that wins.
    let (track, template) = observe::look_at_track(world, experiment).await?;
    let Act { action, arm } = plan::act_on(row, experiment.target.as_ref(), evaluation, track);
    let promotion = match action {
        Action::Promoted | Action::RolledBack => {
            arm.and_then(|arm| plan::promotion_of(experiment, &row.arms, arm))
        }
        Action::None | Action::Awaiting | Action::Refused => None,
    };
    let name_of = |arm: usize| row.design.arms.get(arm).map(|arm| arm.name.as_str());
    let decision = Decision {
        evaluation,
        gathered,
        verdict: tell::word(evaluation.verdict),
        winner: evaluation.winner.and_then(name_of),
        action,
        promotion,
    };
    if world.store.decide_experiment(row.uid, &decision).await? == Decided::Already {
        return Ok(());
    }
    world
        .metrics
        .decisions
        .with_label_values(&[decision.verdict, action.as_str()])
        .inc();
    notices.extend(tell::decided(&decision, experiment));
    if let (Some(promotion), Some(template)) = (promotion, &template) {
        tell_template(
            world,
            experiment,
            template,
            tell::promoted(action, &promotion),
        )
        .await;
    }
    Ok(())
}

/// A person approved the verdict; answers what keeps the promotion from being made.
async fn approve(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: &ExperimentRow,
    digest: &str,
    notices: &mut Vec<Notice>,
) -> Result<Option<crate::prompt_template::plan::Problem>, ReconcileError> {
    let awaits = world
        .store
        .experiment_decisions(row.uid, 1)
        .await?
        .first()
        .is_some_and(|last| matches!(last.action, Action::Awaiting | Action::Refused));
    let winner = row
        .arms
        .iter()
        .position(|arm| Some(&arm.name) == row.winner.as_ref());
    let promotion = winner.and_then(|arm| plan::promotion_of(experiment, &row.arms, arm));
    let (true, Some(promotion)) = (awaits, promotion) else {
        return Ok(None);
    };
    let (track, template) = observe::look_at_track(world, experiment).await?;
    if let Some(problem) = plan::track_problem(experiment, track) {
        return Ok(Some(problem));
    }
    let sentence = format!(
        "a person approved version {:?} for track {:?}",
        promotion.version, promotion.track
    );
    if world
        .store
        .approve_promotion(row.uid, digest, &promotion, &sentence)
        .await?
    {
        let note = tell::promoted(Action::Promoted, &promotion);
        notices.push(note.clone());
        if let Some(template) = &template {
            tell_template(world, experiment, template, note).await;
        }
    }
    Ok(None)
}

/// The template learns of its promotion: its controller derives the track from the row, and people read it in its events.
async fn tell_template(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    template: &PromptTemplate,
    notice: Notice,
) {
    world.templates.reconcile(
        &experiment.namespace,
        template.metadata.name.as_deref().unwrap_or_default(),
    );
    world.recorder.tell(template, notice).await;
}

/// Notes which references are missing; answers for how long the oldest has been.
async fn note_waits(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    problems: &[crate::prompt_template::plan::Problem],
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
