//! The conditions of a ContentJob, and the one word for all of them.

use super::{
    apply::Rows,
    status::Applied,
    verdict::{Outcome, Verdict},
};
use crate::loops::progress::POLL_SECONDS;
use backends::postgres::operator::counts::RunView;
use crds::{
    ConditionState, ConditionType, Reason, content_job::ContentJobPhase, find_condition, is_true,
    set_condition,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

/// A list of conditions that is being brought up to date.
pub struct Conditions<'a> {
    pub list: &'a mut Vec<Condition>,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

impl Conditions<'_> {
    fn set(
        &mut self,
        type_: ConditionType,
        state: impl Into<ConditionState>,
        reason: Reason,
        message: &str,
    ) {
        set_condition(
            self.list,
            type_,
            state.into(),
            reason,
            message,
            self.generation,
            self.now,
        );
    }

    /// The three of kstatus.
    pub fn verdict(&mut self, verdict: &Verdict) {
        let Verdict {
            ready,
            reconciling,
            stalled,
            reason,
            message,
            waiting: _,
            outcome: _,
        } = verdict;
        self.set(ConditionType::Ready, *ready, *reason, message);
        self.set(
            ConditionType::Reconciling,
            *reconciling,
            *reason,
            if *reconciling { message } else { "" },
        );
        self.set(
            ConditionType::Stalled,
            *stalled,
            *reason,
            if *stalled { message } else { "" },
        );
    }

    /// What a job that goes on is told while nothing wakes us for it: figures may be late.
    pub fn polled(&mut self, verdict: &Verdict) {
        if verdict.reconciling {
            let message = format!(
                "{}; what workers do is seen up to {POLL_SECONDS} seconds late, because the connection that hears of it is lost",
                verdict.message
            );
            self.set(
                ConditionType::Reconciling,
                true,
                Reason::NotificationsLost,
                &message,
            );
        }
    }

    /// Those that tell of the run.
    pub fn of_run(&mut self, applied: &Applied, verdict: &Verdict) {
        match &applied.rows {
            Rows::Standing(view) => {
                self.accepted(view, applied.adopted);
                self.budget(view);
                self.queued(view);
                self.gates(view);
                self.dead_lettered(view);
                self.drift(view, applied.restored);
            }
            Rows::Blocked { .. } => {
                self.set(
                    ConditionType::Accepted,
                    ConditionState::False,
                    verdict.reason,
                    &verdict.message,
                );
            }
            Rows::Held | Rows::NeverStarted => {
                self.set(
                    ConditionType::Accepted,
                    ConditionState::Unknown,
                    Reason::Pending,
                    &verdict.message,
                );
            }
        }
        self.outcome(applied, verdict);
    }

    fn accepted(&mut self, view: &RunView, adopted: bool) {
        let mut message = format!("run {} has {} tasks", view.run.id, view.run.tasks_total);
        if let Some(note) = &view.run.experiment_note {
            message = format!("{message}; {note}");
        }
        let was_adopted =
            find_condition(self.list, ConditionType::Accepted).is_some_and(|accepted| {
                accepted.status == "True" && accepted.reason == Reason::Adopted.as_str()
            });
        let reason = if adopted || was_adopted {
            Reason::Adopted
        } else {
            Reason::Succeeded
        };
        self.set(ConditionType::Accepted, true, reason, &message);
    }

    fn budget(&mut self, view: &RunView) {
        let (run, type_) = (&view.run, ConditionType::BudgetReserved);
        if view.tasks.parked > 0 {
            let message = format!(
                "{} of {} tasks wait for tokens",
                view.tasks.parked, run.tasks_total
            );
            self.set(type_, false, Reason::BudgetExhausted, &message);
        } else if run.tokens_limit.is_none() && run.tokens_per_day.is_none() {
            self.set(
                type_,
                true,
                Reason::NotApplicable,
                "neither the job nor the Persona limits tokens",
            );
        } else {
            self.set(
                type_,
                true,
                Reason::Succeeded,
                &format!("up to {} tokens a task", run.task_tokens),
            );
        }
    }

    fn queued(&mut self, view: &RunView) {
        let type_ = ConditionType::Queued;
        match (&view.tasks.unroutable, view.tasks.unsent) {
            (Some(error), 1..) => self.set(type_, false, Reason::Unroutable, error),
            (None, 1..) => self.set(
                type_,
                false,
                Reason::Progressing,
                "wake-up messages are being sent",
            ),
            _ => self.set(type_, true, Reason::Succeeded, ""),
        }
    }

    fn gates(&mut self, view: &RunView) {
        let tasks = &view.tasks;
        let ended = tasks.open() == 0;
        if ended {
            self.set(ConditionType::Generated, true, Reason::Succeeded, "");
        } else if tasks.processing > 0 {
            self.set(ConditionType::Generated, false, Reason::Running, "");
        } else {
            self.set(
                ConditionType::Generated,
                false,
                Reason::WaitingForWorker,
                "",
            );
        }
        self.gate(
            ConditionType::DedupPassed,
            tasks.rejected_as_duplicate,
            tasks.flagged,
            ended,
        );
        if view.run.emotion_gate {
            self.gate(
                ConditionType::EmotionPassed,
                tasks.rejected_for_emotion,
                0,
                ended,
            );
        } else {
            self.set(
                ConditionType::EmotionPassed,
                true,
                Reason::NotApplicable,
                "the Persona has no emotion contract",
            );
        }
    }

    fn gate(&mut self, type_: ConditionType, rejected: i64, flagged: i64, ended: bool) {
        if rejected > 0 {
            self.set(
                type_,
                false,
                Reason::GateRejected,
                &format!("{rejected} tasks wrote nothing that passes"),
            );
        } else if flagged > 0 {
            self.set(
                type_,
                false,
                Reason::GateFlagged,
                &format!("{flagged} posts were kept and marked"),
            );
        } else if ended {
            self.set(type_, true, Reason::Succeeded, "");
        } else {
            self.set(type_, ConditionState::Unknown, Reason::Progressing, "");
        }
    }

    fn dead_lettered(&mut self, view: &RunView) {
        let (tasks, type_) = (&view.tasks, ConditionType::DeadLettered);
        if tasks.dead_lettered == 0 {
            self.set(type_, false, Reason::NotApplicable, "");
        } else {
            let reason = if tasks.system_failed > 0 {
                Reason::SystemFailures
            } else {
                Reason::AttemptsExhausted
            };
            self.set(
                type_,
                true,
                reason,
                &format!("{} tasks used up their attempts", tasks.dead_lettered),
            );
        }
    }

    /// FAULTS 26. What was repaired stays to be read until something else is to be said.
    fn drift(&mut self, view: &RunView, restored: u64) {
        let (missing, lost) = (super::plan::missing_tasks(view), view.tasks.lost_posts);
        let type_ = ConditionType::Drifted;
        if missing > 0 {
            self.set(
                type_,
                true,
                Reason::DriftReported,
                &format!("{missing} task rows were deleted; driftPolicy Report leaves it so"),
            );
        } else if lost > 0 {
            self.set(
                type_,
                true,
                Reason::DriftReported,
                &format!("{lost} posts were deleted; they are not written again"),
            );
        } else if restored > 0 {
            self.set(
                type_,
                false,
                Reason::Repaired,
                &format!("{restored} task rows were deleted and are restored"),
            );
        } else {
            let kept = find_condition(self.list, type_)
                .filter(|drifted| drifted.reason == Reason::Repaired.as_str())
                .map(|drifted| drifted.message.clone());
            match kept {
                Some(message) => self.set(type_, false, Reason::Repaired, &message),
                None => self.set(type_, false, Reason::InSync, ""),
            }
        }
    }

    /// The table "Outcomes of a ContentJob".
    fn outcome(&mut self, applied: &Applied, verdict: &Verdict) {
        let Some(outcome) = verdict.outcome else {
            let reason = match verdict.reason {
                Reason::Suspended => Reason::Suspended,
                _ => Reason::Progressing,
            };
            self.set(ConditionType::Finished, false, reason, "");
            self.set(ConditionType::Complete, false, Reason::Progressing, "");
            self.set(ConditionType::Failed, false, Reason::Progressing, "");
            return;
        };
        let (complete, failed) = match outcome {
            Outcome::AllSucceeded | Outcome::PartiallySucceeded => (true, false),
            Outcome::NoneSucceeded => (false, true),
            Outcome::Cancelled => (false, false),
        };
        let why = match &applied.rows {
            Rows::Standing(view) if failed => failure(view),
            _ => outcome.reason(),
        };
        self.set(
            ConditionType::Finished,
            true,
            outcome.reason(),
            &verdict.message,
        );
        self.set(
            ConditionType::Complete,
            complete,
            outcome.reason(),
            &verdict.message,
        );
        self.set(
            ConditionType::Failed,
            failed,
            why,
            if failed { &verdict.message } else { "" },
        );
    }
}

/// What made a run fail as a whole.
fn failure(view: &RunView) -> Reason {
    let tasks = &view.tasks;
    if tasks.past_deadline > 0 {
        Reason::DeadlineExceeded
    } else if tasks.system_failed > 0 {
        Reason::SystemFailures
    } else if tasks.dead_lettered > 0 {
        Reason::AttemptsExhausted
    } else {
        Reason::NoneSucceeded
    }
}

/// One word for the conditions together; nothing else decides it.
#[must_use]
pub fn phase(conditions: &[Condition]) -> ContentJobPhase {
    let reason =
        |type_| find_condition(conditions, type_).map_or("", |condition| condition.reason.as_str());
    let ready = reason(ConditionType::Ready);
    let is = |reason: Reason| ready == reason.as_str();
    if is(Reason::Deleting) {
        return ContentJobPhase::Deleting;
    }
    if is_true(conditions, ConditionType::Finished) {
        let outcome = reason(ConditionType::Finished);
        return match outcome {
            _ if outcome == Reason::AllSucceeded.as_str() => ContentJobPhase::Succeeded,
            _ if outcome == Reason::PartiallySucceeded.as_str() => {
                ContentJobPhase::PartiallySucceeded
            }
            _ if outcome == Reason::Cancelled.as_str() => ContentJobPhase::Cancelled,
            _ => ContentJobPhase::Failed,
        };
    }
    if is_true(conditions, ConditionType::Stalled) {
        ContentJobPhase::Stalled
    } else if is(Reason::Suspended) || is(Reason::Paused) {
        ContentJobPhase::Suspended
    } else if is(Reason::Running) {
        ContentJobPhase::Running
    } else if [
        Reason::WaitingForWorker,
        Reason::ConcurrencyLimited,
        Reason::Progressing,
    ]
    .into_iter()
    .any(is)
    {
        ContentJobPhase::Queued
    } else if is(Reason::Pending) {
        ContentJobPhase::Pending
    } else {
        ContentJobPhase::Waiting
    }
}

#[cfg(test)]
mod tests;
