//! What has to be done so that the experiment goes on. Pure.

use super::{
    observe::{Observed, Track},
    validate::{Target, ValidatedExperiment},
};
use crate::prompt_template::plan::Problem;
use backends::postgres::operator::experiments::{Action, ArmRecord, ExperimentRow, PromotionInto};
use crds::Reason;
use domain::experiment::{DecisionMode, Evaluation, Verdict};
use uuid::Uuid;

/// What apply is to do, and what stands in the way of more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Write the row for this persona with these arms.
    pub ensure: Option<(Uuid, Vec<ArmRecord>)>,
    pub start: bool,
    pub cancel: bool,
    /// Hold or go on.
    pub suspend: Option<bool>,
    /// Digest that a person approved.
    pub approve: Option<String>,
    /// Mature, count, evaluate and decide, where it runs then.
    pub evaluate: bool,
    /// Prune the details if so many seconds have passed since the end.
    pub prune_after: Option<f64>,
    pub problems: Vec<Problem>,
    /// A row that once stood and no longer does.
    pub drift: Option<String>,
}

#[must_use]
pub fn plan(experiment: &ValidatedExperiment, observed: &Observed) -> Plan {
    let row = observed.row.as_ref();
    let mut plan = Plan {
        drift: drift(observed),
        ..Plan::default()
    };
    if plan.drift.is_some() && experiment.report_drift {
        return plan;
    }
    if let Some(ended) = row.filter(|row| row.ended_at.is_some() && row.gone_at.is_none()) {
        plan.approve = approval(experiment, ended);
        plan.prune_after = ended.pruned_at.is_none().then_some(experiment.ttl_seconds);
        return plan;
    }
    plan.cancel = experiment.cancel && row.is_some();
    plan.suspend = row
        .filter(|row| row.suspended != experiment.suspended)
        .map(|_| experiment.suspended);
    let started = row.filter(|row| row.is_running());
    plan.problems = problems(experiment, observed, started);
    if let (Ok(persona), Some(arms)) = (&observed.persona, arms(observed, started))
        && !row.is_some_and(|row| is_written(row, experiment, *persona, &arms))
    {
        plan.ensure = Some((*persona, arms));
    }
    if plan.cancel || experiment.suspended {
        return plan;
    }
    plan.start =
        started.is_none() && experiment.start && !experiment.cancel && plan.problems.is_empty();
    plan.evaluate = started.is_some() || plan.start;
    plan
}

/// Whether the row says all that the resource does.
fn is_written(
    row: &ExperimentRow,
    experiment: &ValidatedExperiment,
    persona: Uuid,
    arms: &[ArmRecord],
) -> bool {
    row.gone_at.is_none()
        && row.persona_uid == persona
        && row.suspended == experiment.suspended
        && (row.started_at.is_some() || (row.design == experiment.design && row.arms == arms))
}

/// From the start on the arms are those of the row, whatever became of the versions that they were made of.
fn arms(observed: &Observed, started: Option<&ExperimentRow>) -> Option<Vec<ArmRecord>> {
    match started {
        Some(row) => Some(row.arms.clone()),
        None => observed.arms.clone().ok(),
    }
}

fn problems(
    experiment: &ValidatedExperiment,
    observed: &Observed,
    started: Option<&ExperimentRow>,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = observed
        .persona
        .as_ref()
        .err()
        .cloned()
        .into_iter()
        .collect();
    if started.is_some() {
        return problems;
    }
    problems.extend(observed.arms.as_ref().err().cloned());
    if experiment.design.decision != DecisionMode::Manual {
        problems.extend(track_problem(experiment, observed.track));
    }
    problems
}

/// What keeps a promotion out of the track that the experiment names.
#[must_use]
pub fn track_problem(experiment: &ValidatedExperiment, track: Track) -> Option<Problem> {
    let target = experiment.target.as_ref()?;
    let (template, name) = (&target.template, &target.track);
    match track {
        Track::Managed | Track::NotLooked => None,
        Track::Fixed => Some(Problem::of_person(
            Reason::TrackNotManaged,
            format!(
                "track {name:?} of PromptTemplate {template:?} is fixed to a version; give it `managed` with an initial version, or set \
                 decision.mode to Manual and no track"
            ),
        )),
        Track::Absent => Some(Problem::waiting(
            Reason::TrackNotFound,
            format!("PromptTemplate {template:?} has no track {name:?}; add it as a managed one"),
        )),
        Track::NoTemplate => Some(Problem::waiting(
            Reason::PromptTemplateNotFound,
            format!("PromptTemplate {template:?} does not exist in this namespace; create it"),
        )),
    }
}

/// An approval that names the verdict's own digest and was not obeyed yet.
fn approval(experiment: &ValidatedExperiment, row: &ExperimentRow) -> Option<String> {
    let digest = experiment.approve.as_ref()?;
    (experiment.target.is_some() && row.inputs_digest.as_ref() == Some(digest))
        .then(|| digest.clone())
}

/// The status says that it started, and no row does.
fn drift(observed: &Observed) -> Option<String> {
    (observed.seen_started && observed.row.is_none())
        .then(|| "the row of this experiment is gone, and with it its units and its key".to_owned())
}

/// What is done about a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub action: Action,
    /// Index of the arm whose version the track shall name.
    pub arm: Option<usize>,
}

impl Act {
    const NOTHING: Self = Self {
        action: Action::None,
        arm: None,
    };
}

/// What the design asks for after this verdict; `track` says whether it can be done. Design and arms are those of the row.
#[must_use]
pub fn act_on(
    row: &ExperimentRow,
    target: Option<&Target>,
    evaluation: &Evaluation,
    track: Track,
) -> Act {
    let won = matches!(evaluation.verdict, Verdict::Winner | Verdict::Adopted);
    let control = row.design.control();
    let (wanted, arm) = match (row.design.decision, evaluation.verdict) {
        (DecisionMode::Manual, _) if won => (Action::Awaiting, evaluation.winner),
        (DecisionMode::AutoPromote, _) if won => (Action::Promoted, evaluation.winner),
        (DecisionMode::AutoRollback, Verdict::Loser) => (Action::RolledBack, Some(control)),
        _ => return Act::NOTHING,
    };
    let promotable = arm
        .and_then(|arm| row.arms.get(arm))
        .is_some_and(|arm| arm.version.is_some() && arm.prompt_digest.is_some());
    if target.is_none() || !promotable {
        return Act::NOTHING;
    }
    match (wanted, track) {
        (Action::Awaiting, _) | (_, Track::Managed) => Act {
            action: wanted,
            arm,
        },
        _ => Act {
            action: Action::Refused,
            arm: None,
        },
    }
}

/// The row that a promotion of this arm writes; none where the arm names no version or the experiment no track.
#[must_use]
pub fn promotion_of<'a>(
    experiment: &'a ValidatedExperiment,
    arms: &'a [ArmRecord],
    arm: usize,
) -> Option<PromotionInto<'a>> {
    let target = experiment.target.as_ref()?;
    let arm = arms.get(arm)?;
    Some(PromotionInto {
        template: &target.template,
        track: &target.track,
        version: arm.version.as_deref()?,
        digest: arm.prompt_digest.as_deref()?,
    })
}

#[cfg(test)]
mod tests;
