//! From what was done to what people see. Nothing here asks anybody; the clock is an argument.

mod conditions;
mod figures;

use super::validate::{Invalid, ValidatedExperiment};
use crate::{controller::Notice, prompt_template::plan::Problem};
use backends::postgres::operator::experiments::{DecisionRow, ExperimentRow, PromotionRow};
use chrono::{DateTime, Utc};
use conditions::Conditions;
use crds::{ConditionState, ConditionType, ExperimentStatus, Reason, experiment::ExperimentPhase};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

/// What one reconcile came to; every field must be looked at by whoever makes a status of it.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// The row as it stands now.
    pub row: Option<ExperimentRow>,
    /// Newest first, at most ten.
    pub decisions: Vec<DecisionRow>,
    pub promotion: Option<PromotionRow>,
    pub late_outcomes: i64,
    pub problems: Vec<Problem>,
    pub drift: Option<String>,
    /// Whether the row was written.
    pub written: bool,
    /// Seconds for which the oldest missing reference has been waited for.
    pub waiting_seconds: Option<f64>,
    pub paused: bool,
    /// Told as events, not in the status.
    pub notices: Vec<Notice>,
}

impl Applied {
    /// The gravest problem: what only a person can mend comes before what is waited for.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Problem> {
        self.problems
            .iter()
            .find(|problem| !problem.waits)
            .or_else(|| self.problems.first())
    }
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &ExperimentStatus,
    experiment: &ValidatedExperiment,
    applied: &Applied,
    now: Timestamp,
) -> ExperimentStatus {
    let Applied {
        row,
        decisions,
        promotion: _,
        late_outcomes,
        problems: _,
        drift: _,
        written: _,
        waiting_seconds: _,
        paused: _,
        notices: _,
    } = applied;
    let mut status = before.clone();
    status.observed_generation = experiment.generation;
    if let Some(row) = row {
        figures::fill(&mut status, row, decisions, *late_outcomes);
    }
    let mut conditions = Conditions {
        status: &mut status,
        generation: experiment.generation,
        now,
    };
    conditions.of_evaluation(row.as_ref());
    conditions.of_decision(experiment, applied);
    conditions.of_whole(experiment, applied);
    status.phase = Some(phase(&status));
    status
}

/// The status of an experiment whose spec cannot be acted upon: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_invalid(
    before: &ExperimentStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> ExperimentStatus {
    let problem = Problem::of_person(Reason::SpecInvalid, invalid.to_string());
    obstructed(before, generation, &problem, now)
}

/// The status where Postgres or the Kubernetes API did not answer, so that nothing was decided.
#[must_use]
pub fn build_unavailable(
    before: &ExperimentStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> ExperimentStatus {
    let problem = Problem::waiting(Reason::DependencyUnavailable, message.to_owned());
    obstructed(before, generation, &problem, now)
}

/// The status while a deletion cannot go on.
#[must_use]
pub fn build_deleting(
    before: &ExperimentStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> ExperimentStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    let blocked = Reason::DependencyUnavailable;
    conditions.set(
        ConditionType::Ready,
        ConditionState::False,
        Reason::Deleting,
        message,
    );
    conditions.set(
        ConditionType::Reconciling,
        ConditionState::True,
        blocked,
        message,
    );
    conditions.set(ConditionType::Stalled, ConditionState::False, blocked, "");
    status.phase = Some(phase(&status));
    status
}

fn obstructed(
    before: &ExperimentStatus,
    generation: Option<i64>,
    problem: &Problem,
    now: Timestamp,
) -> ExperimentStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    Conditions {
        status: &mut status,
        generation,
        now,
    }
    .obstructed(problem, 0.0);
    status.phase = Some(phase(&status));
    status
}

fn time(at: DateTime<Utc>) -> Option<Time> {
    Timestamp::from_second(at.timestamp()).ok().map(Time)
}

/// One word for the column, from the conditions alone.
fn phase(status: &ExperimentStatus) -> ExperimentPhase {
    let holds = |type_| crds::is_true(&status.conditions, type_);
    let says = |type_, reason: Reason| {
        crds::find_condition(&status.conditions, type_)
            .is_some_and(|condition| condition.reason == reason.as_str())
    };
    if says(ConditionType::Ready, Reason::Deleting) {
        ExperimentPhase::Deleting
    } else if says(ConditionType::DecisionReached, Reason::Cancelled) {
        ExperimentPhase::Cancelled
    } else if says(ConditionType::DecisionReached, Reason::Invalid) {
        ExperimentPhase::Invalid
    } else if says(ConditionType::Promoted, Reason::AwaitingApproval) {
        ExperimentPhase::AwaitingApproval
    } else if holds(ConditionType::DecisionReached) {
        ExperimentPhase::Decided
    } else if holds(ConditionType::Stalled) {
        ExperimentPhase::Stalled
    } else if says(ConditionType::Running, Reason::Suspended) {
        ExperimentPhase::Suspended
    } else if holds(ConditionType::Running) {
        ExperimentPhase::Running
    } else if holds(ConditionType::Reconciling) {
        ExperimentPhase::Waiting
    } else {
        ExperimentPhase::Draft
    }
}

#[cfg(test)]
mod tests;
