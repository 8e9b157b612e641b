//! From what was done to what people see. Nothing here asks anybody; the clock is an argument.

use super::{
    plan::Problem,
    validate::{Invalid, ValidatedPersona},
};
use backends::postgres::operator::personas::{PersonaFigures, ResolvedPrompt};
use crds::{
    ConditionState, ConditionType, PersonaStatus, Reason, is_true,
    persona::{
        PersonaPhase,
        status::{CollectionStatus, PersonaUsage, PromptStatus, QueueStatus, RevisionStatus},
    },
    set_condition,
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

/// A reference that is missing for longer than this stalls its resource.
pub const PATIENCE_SECONDS: f64 = 300.0;

/// How one external thing, or the row, stands after `apply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Ready,
    /// It had drifted and stands again.
    Repaired {
        drift: String,
    },
    /// It has drifted and policy leaves it so.
    Reported {
        drift: String,
    },
    Conflict {
        message: String,
    },
    Unavailable {
        message: String,
    },
}

/// What one reconcile came to; every field must be looked at by whoever makes a status of it.
#[derive(Debug, Clone)]
pub struct Applied {
    pub row: Standing,
    /// Number of the revision that new tasks are made with.
    pub revision: Option<i32>,
    pub queue: Standing,
    pub collection: Standing,
    pub adopted: bool,
    pub prompt: Result<ResolvedPrompt, Problem>,
    pub secrets: Result<(), Problem>,
    pub queue_ready: Option<u64>,
    pub dead_letters: Option<u64>,
    pub points: Option<u64>,
    pub figures: Option<PersonaFigures>,
    pub active_workers: Option<usize>,
    pub selector: String,
    /// Seconds for which the oldest missing reference has been waited for.
    pub waiting_seconds: Option<f64>,
}

/// The status after a reconcile that got as far as applying.
#[must_use]
pub fn build(
    before: &PersonaStatus,
    persona: &ValidatedPersona,
    applied: &Applied,
    now: Timestamp,
) -> PersonaStatus {
    let Applied {
        row,
        revision,
        queue,
        collection,
        adopted,
        prompt,
        secrets: _,
        queue_ready,
        dead_letters,
        points,
        figures,
        active_workers,
        selector,
        waiting_seconds,
    } = applied;
    let mut status = before.clone();
    status.observed_generation = persona.generation;
    status.pending_deletion.clear();
    if let Some(revision) = revision {
        status.revision = Some(RevisionStatus {
            number: *revision,
            digest: persona.revision.digest(),
        });
    }
    status.queue = Some(QueueStatus {
        name: persona.queue.clone(),
        ready: queue_ready.map(rounded),
        dead: dead_letters.map(|dead| {
            rounded(
                dead + figures
                    .as_ref()
                    .map_or(0, |figures| figures.dead_lettered.max(0) as u64),
            )
        }),
    });
    status.collection = Some(CollectionStatus {
        name: persona.revision.vectors.collection.clone(),
        points: points.map(|points| i64::try_from(points).unwrap_or(i64::MAX)),
        adopted: *adopted,
    });
    if let Ok(prompt) = prompt {
        status.prompt = Some(PromptStatus {
            template: prompt.template.clone(),
            version: prompt.version.clone(),
            digest: prompt.digest.clone(),
        });
    }
    if let Some(figures) = figures {
        status.posts = Some(figures.posts);
        status.usage = Some(PersonaUsage {
            tokens_today: figures.tokens_today,
            resets_at: Timestamp::from_second(figures.resets_at.timestamp())
                .ok()
                .map(Time),
        });
    }
    if let Some(active) = active_workers {
        status.active_workers = Some(i32::try_from(*active).unwrap_or(i32::MAX));
    }
    status.selector = Some(selector.clone());

    let mut conditions = Conditions {
        status: &mut status,
        generation: persona.generation,
        now,
    };
    conditions.thing(ConditionType::RowSynced, row);
    conditions.thing(ConditionType::QueueReady, queue);
    conditions.thing(ConditionType::CollectionReady, collection);
    conditions.drift([row, queue, collection]);
    match prompt {
        Ok(prompt) => conditions.set(
            ConditionType::PromptResolved,
            true.into(),
            Reason::Succeeded,
            &format!("version {} of template {}", prompt.version, prompt.template),
        ),
        Err(problem) => conditions.set(
            ConditionType::PromptResolved,
            false.into(),
            problem.reason,
            &problem.message,
        ),
    }
    conditions.model(figures.as_ref());
    conditions.budget(persona.tokens_per_day, figures.as_ref());
    conditions.verdict(first_obstacle(applied), waiting_seconds.unwrap_or(0.0));
    status.phase = Some(phase(&status, persona.suspended));
    status
}

/// The status of a persona whose spec cannot be acted upon: the last good state stays, and the reason is shown.
#[must_use]
pub fn build_invalid(
    before: &PersonaStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> PersonaStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let obstacle = Obstacle {
        kind: ObstacleKind::Person,
        reason: invalid.reason(),
        message: invalid.to_string(),
    };
    Conditions {
        status: &mut status,
        generation,
        now,
    }
    .verdict(Some(obstacle), 0.0);
    status.phase = Some(phase(&status, false));
    status
}

/// The status where Postgres or the Kubernetes API did not answer, so that nothing was looked at and nothing touched.
#[must_use]
pub fn build_unavailable(
    before: &PersonaStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> PersonaStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions {
        status: &mut status,
        generation,
        now,
    };
    conditions.set(
        ConditionType::RowSynced,
        ConditionState::Unknown,
        Reason::DependencyUnavailable,
        message,
    );
    let obstacle = Obstacle {
        kind: ObstacleKind::Outage,
        reason: Reason::DependencyUnavailable,
        message: message.to_owned(),
    };
    conditions.verdict(Some(obstacle), 0.0);
    status.phase = Some(phase(&status, false));
    status
}

/// What keeps the persona from being ready, and who can change that.
struct Obstacle {
    kind: ObstacleKind,
    reason: Reason,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ObstacleKind {
    /// Somebody has to change something.
    Person,
    /// A reference may yet appear.
    Reference,
    /// A service will come back.
    Outage,
}

/// The gravest obstacle: what only a person can mend, then outages, then what is waited for.
fn first_obstacle(applied: &Applied) -> Option<Obstacle> {
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

struct Conditions<'a> {
    status: &'a mut PersonaStatus,
    generation: Option<i64>,
    now: Timestamp,
}

impl Conditions<'_> {
    fn set(&mut self, type_: ConditionType, state: ConditionState, reason: Reason, message: &str) {
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

    fn thing(&mut self, type_: ConditionType, standing: &Standing) {
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

    /// Drifted stays as it was while a service does not answer: nobody has looked.
    fn drift(&mut self, things: [&Standing; 3]) {
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

    fn model(&mut self, figures: Option<&PersonaFigures>) {
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

    fn budget(&mut self, limit: Option<i64>, figures: Option<&PersonaFigures>) {
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
    fn verdict(&mut self, obstacle: Option<Obstacle>, waiting_seconds: f64) {
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

/// One word for the conditions together.
#[must_use]
pub fn phase(status: &PersonaStatus, suspended: bool) -> PersonaPhase {
    let holds = |type_| is_true(&status.conditions, type_);
    if holds(ConditionType::Stalled) {
        PersonaPhase::Stalled
    } else if suspended {
        PersonaPhase::Suspended
    } else if holds(ConditionType::Ready) {
        PersonaPhase::Ready
    } else if status.revision.is_some() && status.prompt.is_some() {
        PersonaPhase::Degraded
    } else {
        PersonaPhase::Pending
    }
}

/// Two significant digits from a hundred on, so that a busy queue does not change the status with every message.
fn rounded(count: impl Into<u64>) -> i64 {
    let count: u64 = count.into();
    let mut step = 1;
    while count / step >= 100 {
        step *= 10;
    }
    i64::try_from(count / step * step).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
