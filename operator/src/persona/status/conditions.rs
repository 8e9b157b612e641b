//! Conditions of a persona, from how its things stand.

use super::{Applied, PATIENCE_SECONDS, Problem, Standing};
use backends::postgres::operator::personas::{PersonaFigures, ResolvedPrompt};
use crds::{ConditionState, ConditionType, PersonaStatus, Reason, set_condition};
use k8s_openapi::jiff::Timestamp;

/// What keeps the persona from being ready, and who can change that.
pub(super) struct Obstacle {
    pub kind: ObstacleKind,
    pub reason: Reason,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ObstacleKind {
    /// Somebody has to change something.
    Person,
    /// A reference may yet appear.
    Reference,
    /// A service will come back.
    Outage,
}

/// The gravest obstacle: what only a person can mend, then outages, then what is waited for.
pub(super) fn first_obstacle(applied: &Applied) -> Option<Obstacle> {
    let things = [&applied.row, &applied.queue, &applied.collection];
    let of = |kind, reason, message: &str| {
        Some(Obstacle {
            kind,
            reason,
            message: message.to_owned(),
        })
    };
    for thing in things {
        if let Standing::Conflict { message } = thing {
            return of(ObstacleKind::Person, Reason::Conflict, message);
        }
    }
    for thing in things {
        if let Standing::Unavailable { message } = thing {
            return of(ObstacleKind::Outage, Reason::DependencyUnavailable, message);
        }
    }
    for thing in things {
        if let Standing::Reported { drift } = thing {
            return of(ObstacleKind::Person, Reason::DriftReported, drift);
        }
    }
    if let Some(why) = &applied.unroutable {
        return of(ObstacleKind::Outage, Reason::Unroutable, why);
    }
    if let Err(problem) = &applied.secrets {
        return of(ObstacleKind::Reference, problem.reason, &problem.message);
    }
    match &applied.prompt {
        Err(problem) if problem.reason == Reason::DependencyUnavailable => {
            of(ObstacleKind::Outage, problem.reason, &problem.message)
        }
        Err(problem) => of(ObstacleKind::Reference, problem.reason, &problem.message),
        Ok(_) => None,
    }
}

pub(super) struct Conditions<'a> {
    pub status: &'a mut PersonaStatus,
    pub generation: Option<i64>,
    pub now: Timestamp,
}

impl Conditions<'_> {
    pub(super) fn set(
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

    pub(super) fn thing(&mut self, type_: ConditionType, standing: &Standing) {
        match standing {
            Standing::Ready | Standing::Repaired { .. } => {
                self.set(type_, true.into(), Reason::Succeeded, "")
            }
            Standing::Reported { drift } => {
                self.set(type_, false.into(), Reason::DriftReported, drift)
            }
            Standing::Conflict { message } => {
                self.set(type_, false.into(), Reason::Conflict, message)
            }
            Standing::Unavailable { message } => {
                self.set(
                    type_,
                    ConditionState::Unknown,
                    Reason::DependencyUnavailable,
                    message,
                );
            }
        }
    }

    /// A queue that stands and yet cannot be reached by messages does not serve (FAULTS 16).
    pub(super) fn queue(&mut self, standing: &Standing, unroutable: Option<&str>) {
        match (standing, unroutable) {
            (Standing::Ready | Standing::Repaired { .. }, Some(why)) => self.set(
                ConditionType::QueueReady,
                false.into(),
                Reason::Unroutable,
                why,
            ),
            _ => self.thing(ConditionType::QueueReady, standing),
        }
    }

    pub(super) fn prompt(&mut self, prompt: &Result<ResolvedPrompt, Problem>) {
        match prompt {
            Ok(prompt) => self.set(
                ConditionType::PromptResolved,
                true.into(),
                Reason::Succeeded,
                &format!("version {} of template {}", prompt.version, prompt.template),
            ),
            Err(problem) => self.set(
                ConditionType::PromptResolved,
                false.into(),
                problem.reason,
                &problem.message,
            ),
        }
    }

    /// Drifted stays as it was while a service does not answer: nobody has looked.
    pub(super) fn drift(&mut self, things: [&Standing; 3]) {
        let found = |pick: fn(&Standing) -> Option<&str>| {
            things
                .iter()
                .filter_map(|thing| pick(thing))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let reported = found(|thing| {
            if let Standing::Reported { drift } = thing {
                Some(drift)
            } else {
                None
            }
        });
        let repaired = found(|thing| {
            if let Standing::Repaired { drift } = thing {
                Some(drift)
            } else {
                None
            }
        });
        if !reported.is_empty() {
            self.set(
                ConditionType::Drifted,
                true.into(),
                Reason::DriftReported,
                &reported,
            );
        } else if !repaired.is_empty() {
            self.set(
                ConditionType::Drifted,
                false.into(),
                Reason::Repaired,
                &repaired,
            );
        } else if things.iter().all(|thing| matches!(thing, Standing::Ready)) {
            self.set(ConditionType::Drifted, false.into(), Reason::InSync, "");
        }
    }

    pub(super) fn model(&mut self, figures: Option<&PersonaFigures>) {
        let type_ = ConditionType::ModelReachable;
        match figures {
            Some(PersonaFigures {
                model_error: Some(error),
                ..
            }) => {
                self.set(type_, false.into(), Reason::ModelUnreachable, error);
            }
            Some(PersonaFigures {
                model_seen_at: Some(_),
                ..
            }) => self.set(type_, true.into(), Reason::Succeeded, ""),
            _ => self.set(
                type_,
                ConditionState::Unknown,
                Reason::NotObserved,
                "no worker has called the model yet",
            ),
        }
    }

    pub(super) fn budget(&mut self, limit: Option<i64>, figures: Option<&PersonaFigures>) {
        let type_ = ConditionType::BudgetAvailable;
        match (limit, figures) {
            (None, _) => self.set(
                type_,
                true.into(),
                Reason::NotApplicable,
                "spec.limits.tokensPerDay is not set",
            ),
            (Some(limit), Some(figures)) if figures.tokens_today >= limit => self.set(
                type_,
                false.into(),
                Reason::BudgetExhausted,
                &format!(
                    "{} of {limit} tokens are used or reserved; the day ends at midnight UTC",
                    figures.tokens_today
                ),
            ),
            (Some(_), Some(_)) => self.set(type_, true.into(), Reason::Succeeded, ""),
            (Some(_), None) => self.set(type_, ConditionState::Unknown, Reason::NotObserved, ""),
        }
    }

    /// The three conditions of kstatus.
    pub(super) fn verdict(&mut self, obstacle: Option<Obstacle>, waiting_seconds: f64) {
        let Some(Obstacle {
            kind,
            reason,
            message,
        }) = obstacle
        else {
            self.set(
                ConditionType::Ready,
                true.into(),
                Reason::AllReady,
                "queue, collection, row and prompt are there",
            );
            self.set(
                ConditionType::Reconciling,
                false.into(),
                Reason::AllReady,
                "",
            );
            self.set(ConditionType::Stalled, false.into(), Reason::AllReady, "");
            return;
        };
        let stalled = match kind {
            ObstacleKind::Person => true,
            ObstacleKind::Reference => waiting_seconds >= PATIENCE_SECONDS,
            ObstacleKind::Outage => false,
        };
        self.set(ConditionType::Ready, false.into(), reason, &message);
        self.set(
            ConditionType::Reconciling,
            (!stalled).into(),
            reason,
            &message,
        );
        self.set(ConditionType::Stalled, stalled.into(), reason, &message);
    }
}
