//! From what was done to what people see. Nothing here asks anybody; the clock is an argument.

mod conditions;

use super::{
    plan::Problem,
    validate::{Invalid, ValidatedPersona},
};
use backends::postgres::operator::personas::{PersonaFigures, ResolvedPrompt};
use conditions::{Conditions, Obstacle, ObstacleKind, first_obstacle};
use crds::{
    ConditionState, ConditionType, PersonaStatus, Reason, is_true,
    persona::{
        PersonaPhase,
        status::{CollectionStatus, PersonaUsage, PromptStatus, QueueStatus, RevisionStatus},
    },
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
    /// Why the broker refused a message that still waits in the outbox.
    pub unroutable: Option<String>,
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
        unroutable,
    } = applied;
    let mut status = before.clone();
    status.observed_generation = persona.generation;
    status.pending_deletion.clear();
    status.selector = Some(selector.clone());
    status.queue = Some(queue_status(
        &persona.queue,
        *queue_ready,
        *dead_letters,
        figures.as_ref(),
    ));
    status.collection = Some(CollectionStatus {
        name: persona.revision.vectors.collection.clone(),
        points: points.map(|points| i64::try_from(points).unwrap_or(i64::MAX)),
        adopted: *adopted,
    });
    record_pins(&mut status, persona, *revision, prompt.as_ref().ok());
    record_figures(&mut status, figures.as_ref(), *active_workers);

    let mut conditions = Conditions {
        status: &mut status,
        generation: persona.generation,
        now,
    };
    conditions.thing(ConditionType::RowSynced, row);
    conditions.queue(queue, unroutable.as_deref());
    conditions.thing(ConditionType::CollectionReady, collection);
    conditions.drift([row, queue, collection]);
    conditions.prompt(prompt);
    conditions.model(figures.as_ref());
    conditions.budget(persona.tokens_per_day, figures.as_ref());
    conditions.verdict(first_obstacle(applied), waiting_seconds.unwrap_or(0.0));
    status.phase = Some(phase(&status, persona.suspended));
    status
}

/// Dead letters are those of the broker and the tasks whose attempts are used up.
fn queue_status(
    name: &str,
    ready: Option<u64>,
    dead_letters: Option<u64>,
    figures: Option<&PersonaFigures>,
) -> QueueStatus {
    let dead_tasks = figures.map_or(0, |figures| figures.dead_lettered.max(0) as u64);
    QueueStatus {
        name: name.to_owned(),
        ready: ready.map(rounded),
        dead: dead_letters.map(|dead| rounded(dead + dead_tasks)),
    }
}

/// What new tasks are made with: revision and prompt, each as it last was where there is none now.
fn record_pins(
    status: &mut PersonaStatus,
    persona: &ValidatedPersona,
    revision: Option<i32>,
    prompt: Option<&ResolvedPrompt>,
) {
    if let Some(number) = revision {
        status.revision = Some(RevisionStatus {
            number,
            digest: persona.revision.digest(),
        });
    }
    if let Some(prompt) = prompt {
        status.prompt = Some(PromptStatus {
            template: prompt.template.clone(),
            version: prompt.version.clone(),
            digest: prompt.digest.clone(),
        });
    }
}

fn record_figures(
    status: &mut PersonaStatus,
    figures: Option<&PersonaFigures>,
    active_workers: Option<usize>,
) {
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
        status.active_workers = Some(i32::try_from(active).unwrap_or(i32::MAX));
    }
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
