//! One sentence about a job: how it ended, or what it is doing, or what it waits for.

use super::{
    apply::Rows,
    resolve::{Obstacle, ObstacleKind},
    staff::Workers,
    status::Applied,
    validate::ValidatedContentJob,
};
use backends::postgres::operator::counts::{RunView, TaskTally};
use crds::{ConditionState, Reason};

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    AllSucceeded,
    PartiallySucceeded,
    NoneSucceeded,
    Cancelled,
}

impl Outcome {
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::AllSucceeded => Reason::AllSucceeded,
            Self::PartiallySucceeded => Reason::PartiallySucceeded,
            Self::NoneSucceeded => Reason::NoneSucceeded,
            Self::Cancelled => Reason::Cancelled,
        }
    }
}

/// What the three conditions of kstatus and the waiting reason say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub ready: ConditionState,
    pub reconciling: bool,
    pub stalled: bool,
    pub reason: Reason,
    pub message: String,
    /// Absent while the job does not wait.
    pub waiting: Option<String>,
    pub outcome: Option<Outcome>,
}

impl Verdict {
    fn new(reconciling: bool, stalled: bool, reason: Reason, message: String) -> Self {
        Self {
            ready: ConditionState::False,
            reconciling,
            stalled,
            reason,
            message,
            waiting: None,
            outcome: None,
        }
    }

    /// Something happens.
    fn busy(reason: Reason, message: String) -> Self {
        Self::new(true, false, reason, message)
    }

    /// Something will come by itself.
    #[must_use]
    pub fn waiting(reason: Reason, message: String) -> Self {
        Self {
            waiting: Some(message.clone()),
            ..Self::busy(reason, message)
        }
    }

    /// Somebody has to mend something.
    #[must_use]
    pub fn stalled(reason: Reason, message: String) -> Self {
        Self {
            waiting: Some(message.clone()),
            ..Self::new(false, true, reason, message)
        }
    }

    /// Somebody asked for the pause; there is nothing to do and nothing to mend.
    fn paused(reason: Reason, message: &str) -> Self {
        Self {
            waiting: Some(message.to_owned()),
            ..Self::new(false, false, reason, message.to_owned())
        }
    }

    fn blocked(obstacle: &Obstacle, waited_seconds: f64) -> Self {
        let stalled = match obstacle.kind {
            ObstacleKind::Person => true,
            ObstacleKind::Reference => waited_seconds >= PATIENCE_SECONDS,
            ObstacleKind::Hold => false,
        };
        let make = if stalled {
            Self::stalled
        } else {
            Self::waiting
        };
        make(obstacle.reason, obstacle.message.clone())
    }

    fn ended(outcome: Outcome, message: String) -> Self {
        let failed = outcome == Outcome::NoneSucceeded;
        Self {
            ready: (!failed).into(),
            outcome: Some(outcome),
            ..Self::new(false, failed, outcome.reason(), message)
        }
    }
}

/// Judges what one reconcile came to.
#[must_use]
pub fn verdict(job: &ValidatedContentJob, applied: &Applied) -> Verdict {
    match &applied.rows {
        Rows::Blocked {
            obstacle,
            waited_seconds,
        } => Verdict::blocked(obstacle, *waited_seconds),
        Rows::Held => Verdict::paused(
            Reason::Suspended,
            "spec.suspend is true; nothing was started",
        ),
        Rows::NeverStarted => Verdict::ended(
            Outcome::Cancelled,
            "cancelled before anything was started".into(),
        ),
        Rows::Standing(view) => match outcome(view) {
            Some(outcome) => Verdict::ended(outcome, told(view)),
            None => in_progress(job, view, &applied.workers),
        },
    }
}

/// How the run ended; none while it has not.
#[must_use]
pub fn outcome(view: &RunView) -> Option<Outcome> {
    let TaskTally {
        completed,
        failed,
        rejected,
        cancelled,
        dead_lettered,
        ..
    } = view.tasks;
    view.run.finished_at?;
    let lost = failed + rejected + dead_lettered;
    Some(if view.run.cancelled && cancelled > 0 {
        Outcome::Cancelled
    } else if completed == 0 && lost > 0 {
        Outcome::NoneSucceeded
    } else if lost > 0 {
        Outcome::PartiallySucceeded
    } else if completed > 0 {
        Outcome::AllSucceeded
    } else {
        Outcome::Cancelled
    })
}

fn in_progress(job: &ValidatedContentJob, view: &RunView, workers: &Workers) -> Verdict {
    let RunView { run, tasks, .. } = view;
    if job.cancel || run.cancelled {
        return Verdict::busy(
            Reason::Progressing,
            format!("cancelled; {} tasks are being stopped", tasks.open()),
        );
    }
    if job.suspend {
        return Verdict::paused(
            Reason::Suspended,
            "spec.suspend is true; what was done is kept",
        );
    }
    if run.paused {
        return Verdict::paused(
            Reason::Paused,
            "the install is paused: no claims and no worker Jobs",
        );
    }
    if run.seconds_left <= 0.0 {
        let message = format!(
            "the job's time is up; {} tasks are being ended",
            tasks.open()
        );
        return Verdict::busy(Reason::Progressing, message);
    }
    if tasks.processing > 0 {
        return Verdict::busy(Reason::Running, told(view));
    }
    if run.persona_suspended {
        let message = format!(
            "Persona {:?} is suspended; the job goes on when its spec.suspend is false",
            job.persona
        );
        return Verdict::waiting(Reason::PersonaSuspended, message);
    }
    match workers {
        Workers::Blocked {
            obstacle,
            waited_seconds,
        } => return Verdict::blocked(obstacle, *waited_seconds),
        Workers::Replacing {
            failed: true,
            message,
            ..
        } => {
            let message = format!("the worker Job failed and is replaced after a wait: {message}");
            return Verdict::waiting(Reason::WorkerFailed, message);
        }
        _ => {}
    }
    if tasks.queued == 0 {
        return parked(job, view);
    }
    if let Some(error) = &tasks.unroutable {
        let message = format!("the broker does not take the wake-up messages: {error}");
        return Verdict::waiting(Reason::Unroutable, message);
    }
    if tasks.backing_off == tasks.queued {
        let why = run
            .last_error
            .as_ref()
            .and_then(|error| error["code"].as_str())
            .unwrap_or("the last attempt failed");
        let message = format!(
            "{} tasks wait for their next attempt ({why})",
            tasks.backing_off
        );
        return Verdict::waiting(Reason::BackingOff, message);
    }
    if let Workers::Limited { message } = workers {
        return Verdict::waiting(Reason::ConcurrencyLimited, message.clone());
    }
    let message = format!("{} tasks wait for a worker", tasks.queued);
    Verdict::waiting(Reason::WaitingForWorker, message)
}

fn parked(job: &ValidatedContentJob, view: &RunView) -> Verdict {
    let RunView { run, tasks, .. } = view;
    let whose = match (run.tokens_limit, run.tokens_per_day) {
        (Some(limit), _) if limit - run.tokens_reserved - run.tokens_spent < run.task_tokens => {
            "spec.limits.tokens".to_owned()
        }
        (_, Some(_)) => format!(
            "today's tokens of Persona {:?}; the day ends at midnight UTC",
            job.persona
        ),
        _ => "the budget".to_owned(),
    };
    Verdict::waiting(
        Reason::BudgetExhausted,
        format!("{} tasks wait for {whose}", tasks.parked),
    )
}

/// The tasks in a sentence.
fn told(view: &RunView) -> String {
    let TaskTally {
        queued,
        processing,
        parked,
        completed,
        failed,
        rejected,
        cancelled,
        dead_lettered,
        ..
    } = view.tasks;
    if view.run.kind == "plan" && completed > 0 {
        return "the plan is made: see status.plan".to_owned();
    }
    let mut parts = vec![format!("{completed} of {} stored", view.run.tasks_total)];
    for (count, what) in [
        (processing, "running"),
        (queued, "queued"),
        (parked, "parked"),
        (failed, "failed"),
        (dead_lettered, "dead-lettered"),
        (rejected, "rejected"),
        (cancelled, "cancelled"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests;
