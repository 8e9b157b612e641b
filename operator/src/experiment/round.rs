//! One round of a running experiment: mature, count, evaluate, and decide or go on; and the approval of what was decided.

use super::{
    ExperimentWorld, canary, observe,
    plan::{self, Act},
    tell,
    validate::ValidatedExperiment,
};
use crate::{
    controller::{Notice, ReconcileError},
    prompt_template::plan::Problem,
};
use backends::postgres::operator::experiments::{
    Action, Decided, Decision, ExperimentRow, Gathered, Matured,
};
use crds::PromptTemplate;
use domain::experiment::{Allocation, Evaluation};

/// Matures what is due, counts, evaluates, and decides or records. Each step may be repeated: what matured stays as it froze, and
/// of two who decide one does (FAULTS 10, 12).
///
/// # Errors
/// Postgres or the Kubernetes API does not answer, or a newer leader writes.
pub async fn run(
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
///
/// # Errors
/// Postgres or the Kubernetes API does not answer, or a newer leader writes.
pub async fn approve(
    world: &ExperimentWorld,
    experiment: &ValidatedExperiment,
    row: &ExperimentRow,
    digest: &str,
    notices: &mut Vec<Notice>,
) -> Result<Option<Problem>, ReconcileError> {
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
