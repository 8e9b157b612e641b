//! The conditions of an experiment: the three of every kind, and those of its evaluation and decision.

use super::{
    super::{PATIENCE_SECONDS, tell::CANCELLED, validate::ValidatedExperiment},
    Applied,
};
use crate::prompt_template::plan::Problem;
use backends::postgres::operator::experiments::{Action, EndReason, ExperimentRow};
use crds::{
    ConditionState, ConditionType, ExperimentStatus, Reason,
    common::meta::{ANNOTATION_PROMOTE, ANNOTATION_START},
    set_condition,
};
use domain::{
    experiment::{Evaluation, GuardrailState, Power},
    statistics::{sequence::MINIMUM_EFFECTIVE_UNITS, srm::LEVEL},
};
use k8s_openapi::jiff::Timestamp;

pub(super) struct Conditions<'a> {
    pub status: &'a mut ExperimentStatus,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

impl Conditions<'_> {
    pub fn set(
        &mut self,
        type_: ConditionType,
        state: ConditionState,
        reason: Reason,
        message: &str,
    ) {
        set_condition(
            &mut self.status.conditions,
            type_,
            state,
            reason,
            message,
            self.generation,
            self.now,
        );
    }

    /// What the last evaluation says of the data.
    pub fn of_evaluation(&mut self, row: Option<&ExperimentRow>) {
        let Some(evaluation) = row.and_then(|row| row.evaluation.as_ref()) else {
            for type_ in [
                ConditionType::DataFresh,
                ConditionType::SampleRatioOK,
                ConditionType::GuardrailsOK,
                ConditionType::Powered,
            ] {
                self.set(
                    type_,
                    ConditionState::Unknown,
                    Reason::NotObserved,
                    "nothing was evaluated yet",
                );
            }
            return;
        };
        self.data(evaluation);
        self.guardrails(evaluation);
        self.power(evaluation);
    }

    fn data(&mut self, evaluation: &Evaluation) {
        if evaluation.data_fresh {
            self.set(ConditionType::DataFresh, true.into(), Reason::Succeeded, "");
        } else {
            let missing: u64 = evaluation.arms.iter().map(|arm| arm.missing).sum();
            let message = format!(
                "{missing} matured units have no record and no heartbeat covered them; nothing is decided before their feed tells more"
            );
            self.set(
                ConditionType::DataFresh,
                false.into(),
                Reason::TooManyMissing,
                &message,
            );
        }
        let ratio = evaluation.ratio_mismatch;
        let failed = [
            ("assigned", ratio.assignment),
            ("exposed", ratio.exposure),
            ("matured", ratio.maturity),
        ]
        .into_iter()
        .find(|(_, p)| p.is_some_and(|p| p < LEVEL));
        match failed {
            Some((units, _)) => self.set(
                ConditionType::SampleRatioOK,
                false.into(),
                Reason::SampleRatioMismatch,
                &format!("the numbers of {units} units by arm do not fit the weights; the arms cannot be compared"),
            ),
            None => self.set(
                ConditionType::SampleRatioOK,
                true.into(),
                Reason::Succeeded,
                "",
            ),
        }
    }

    fn guardrails(&mut self, evaluation: &Evaluation) {
        let named = |state| {
            let mut names: Vec<&str> = evaluation
                .guardrails
                .iter()
                .filter(|guardrail| guardrail.state == state)
                .map(|guardrail| guardrail.name.as_str())
                .collect();
            names.dedup();
            names.join(", ")
        };
        let (violated, unproven) = (
            named(GuardrailState::Violated),
            named(GuardrailState::Unproven),
        );
        let type_ = ConditionType::GuardrailsOK;
        if !violated.is_empty() {
            self.set(type_, false.into(), Reason::GuardrailViolated, &violated);
        } else if !unproven.is_empty() {
            self.set(
                type_,
                ConditionState::Unknown,
                Reason::GuardrailUnproven,
                &unproven,
            );
        } else {
            self.set(type_, true.into(), Reason::Succeeded, "");
        }
    }

    fn power(&mut self, evaluation: &Evaluation) {
        let type_ = ConditionType::Powered;
        match evaluation.power {
            Power::NoHistory => self.set(
                type_,
                ConditionState::Unknown,
                Reason::NoHistory,
                "the persona has no published units from before the start to learn a variance from",
            ),
            Power::Known {
                detectable_bp,
                reachable,
            } => {
                let percent = f64::from(detectable_bp) / 100.0;
                if reachable {
                    self.set(
                        type_,
                        true.into(),
                        Reason::Succeeded,
                        &format!("an effect of {percent} % can be found by the maximum"),
                    );
                } else {
                    self.set(
                        type_,
                        false.into(),
                        Reason::NotReachable,
                        &format!(
                            "only an effect of {percent} % or more can be found by the maximum; raise mdeBp, the duration or the number of posts"
                        ),
                    );
                }
            }
        }
    }

    /// Whether it runs, what it came to, and what followed.
    pub fn of_decision(&mut self, experiment: &ValidatedExperiment, applied: &Applied) {
        let row = applied.row.as_ref();
        let (running, reason) = match row {
            Some(row) if row.ended_at.is_some() => (false, ending(row)),
            Some(row) if row.suspended => (false, Reason::Suspended),
            Some(row) if row.is_running() => (true, Reason::Collecting),
            _ if experiment.suspended => (false, Reason::Suspended),
            _ => (false, Reason::NotStarted),
        };
        self.set(ConditionType::Running, running.into(), reason, "");
        let type_ = ConditionType::DecisionReached;
        match row {
            Some(row) if row.ended_at.is_some() => {
                self.set(type_, true.into(), ending(row), sentence(row));
            }
            Some(row) if row.started_at.is_some() => {
                let evaluation = row.evaluation.as_ref();
                let reason = if evaluation.is_some_and(|evaluation| !evaluation.data_fresh) {
                    Reason::TooManyMissing
                } else if evaluation.is_some_and(is_early) {
                    Reason::TooFewEffectiveUnits
                } else {
                    Reason::Collecting
                };
                self.set(type_, false.into(), reason, "");
            }
            _ => self.set(type_, false.into(), Reason::NotStarted, ""),
        }
        self.promotion(experiment, applied);
    }

    fn promotion(&mut self, experiment: &ValidatedExperiment, applied: &Applied) {
        let type_ = ConditionType::Promoted;
        let last = applied.decisions.first();
        if let Some(promotion) = &applied.promotion {
            let reason = if promotion.action == Action::RolledBack.as_str() {
                Reason::RolledBack
            } else {
                Reason::WinnerPromoted
            };
            let message = format!(
                "track {:?} of PromptTemplate {:?} means version {:?}",
                promotion.track, promotion.template_name, promotion.version
            );
            self.set(type_, true.into(), reason, &message);
            return;
        }
        match last.map(|last| last.action) {
            Some(Action::Awaiting) => {
                let digest = last.map_or("", |last| last.inputs_digest.as_str());
                let message = format!("to promote, annotate {ANNOTATION_PROMOTE}={digest}");
                self.set(type_, false.into(), Reason::AwaitingApproval, &message);
            }
            Some(Action::Refused) => self.set(
                type_,
                false.into(),
                Reason::TrackNotManaged,
                "the track is not managed; a version that its template fixes always wins",
            ),
            _ if experiment.target.is_none() => self.set(
                type_,
                false.into(),
                Reason::NotApplicable,
                "the experiment names no track",
            ),
            _ => self.set(type_, false.into(), Reason::Collecting, ""),
        }
    }

    /// Ready, Reconciling, Stalled and Drifted.
    pub fn of_whole(&mut self, experiment: &ValidatedExperiment, applied: &Applied) {
        self.drift(applied);
        let row = applied.row.as_ref();
        let ended = row.filter(|row| row.ended_at.is_some());
        let reported = applied.drift.as_ref().filter(|_| !applied.written);
        if let Some(drift) = reported {
            self.obstructed(
                &Problem::of_person(Reason::DriftReported, drift.clone()),
                0.0,
            );
        } else if let Some(problem) = applied.first_problem() {
            self.obstructed(problem, applied.waiting_seconds.unwrap_or(0.0));
        } else if let Some(ended) = ended {
            self.ended(ended);
        } else if experiment.suspended {
            self.settled(
                Reason::Suspended,
                "spec.suspend is true; no unit is assigned and nothing is decided",
            );
        } else if applied.paused {
            self.settled(Reason::Paused, "the pause-all switch of the install is on");
        } else if row.is_some_and(ExperimentRow::is_running) {
            self.settled(
                Reason::Collecting,
                "units are assigned, and what they come to is counted",
            );
        } else {
            self.settled(
                Reason::NotStarted,
                &format!("it starts once it is annotated {ANNOTATION_START}=true"),
            );
        }
    }

    fn ended(&mut self, row: &ExperimentRow) {
        let (reason, sentence) = (ending(row), sentence(row));
        if reason == Reason::Invalid {
            // Only a person can mend what made the data unusable.
            self.three(false, false, true, reason, sentence);
        } else {
            self.settled(reason, sentence);
        }
    }

    fn drift(&mut self, applied: &Applied) {
        let type_ = ConditionType::Drifted;
        match &applied.drift {
            None => self.set(type_, false.into(), Reason::InSync, ""),
            Some(drift) if applied.written => {
                self.set(type_, false.into(), Reason::Repaired, drift);
            }
            Some(drift) => self.set(type_, true.into(), Reason::DriftReported, drift),
        }
    }

    /// Nothing is wrong; what the reason says is so.
    fn settled(&mut self, reason: Reason, message: &str) {
        self.three(true, false, false, reason, message);
    }

    fn three(
        &mut self,
        ready: bool,
        reconciling: bool,
        stalled: bool,
        reason: Reason,
        message: &str,
    ) {
        self.set(ConditionType::Ready, ready.into(), reason, message);
        self.set(ConditionType::Reconciling, reconciling.into(), reason, "");
        let why = if stalled { message } else { "" };
        self.set(ConditionType::Stalled, stalled.into(), reason, why);
    }

    pub fn obstructed(&mut self, problem: &Problem, waited_seconds: f64) {
        let outage = problem.reason == Reason::DependencyUnavailable;
        let stalled = !outage && (!problem.waits || waited_seconds >= PATIENCE_SECONDS);
        self.three(false, !stalled, stalled, problem.reason, &problem.message);
    }
}

/// How an experiment ended, as a reason.
fn ending(row: &ExperimentRow) -> Reason {
    match (row.ended_reason, row.verdict.as_deref()) {
        (Some(EndReason::Cancelled), _) => Reason::Cancelled,
        (_, Some("Winner")) => Reason::Winner,
        (_, Some("Loser")) => Reason::Loser,
        (_, Some("NoDifference")) => Reason::NoDifference,
        (_, Some("Adopted")) => Reason::AdoptedByBandit,
        (_, Some("Invalid")) => Reason::Invalid,
        _ => Reason::Inconclusive,
    }
}

/// Why it ended so.
fn sentence(row: &ExperimentRow) -> &str {
    match row.ended_reason {
        Some(EndReason::Cancelled) => CANCELLED,
        _ => row
            .evaluation
            .as_ref()
            .map_or("", |evaluation| evaluation.sentence.as_str()),
    }
}

/// Whether the sequential analysis cannot begin yet.
fn is_early(evaluation: &Evaluation) -> bool {
    evaluation.effective_units < MINIMUM_EFFECTIVE_UNITS
}
