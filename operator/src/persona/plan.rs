//! What has to be done, decided without doing it.

use super::{
    ports::{CollectionSight, QueueSight},
    validate::ValidatedPersona,
};
use backends::postgres::operator::{
    ledger::Ownership,
    personas::{PersonaRow, ResolvedPrompt},
};
use crds::{Reason, common::policy::DriftPolicy, persona::Adoption};

/// Everything that was seen of one persona before anything was done. An error is the text of a service's failure.
#[derive(Debug, Clone)]
pub struct Observed {
    pub row: Option<PersonaRow>,
    /// Whether a persona of this name was here before under another uid, whose records will be taken over.
    pub predecessor: bool,
    pub prompt: Result<ResolvedPrompt, Problem>,
    pub secrets: Result<(), Problem>,
    pub queue: Thing<QueueSight>,
    pub dead_letters: Thing<QueueSight>,
    pub collection: Thing<CollectionSight>,
}

/// An external thing: whose it is, and how it looks.
#[derive(Debug, Clone)]
pub struct Thing<S> {
    pub ownership: Ownership,
    pub sight: Result<S, String>,
}

/// Something that keeps the persona from being ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub reason: Reason,
    pub message: String,
}

/// What is to be done about one external thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It stands as it should.
    Keep,
    /// It stood before this persona came, matches, and is taken over.
    Adopt,
    /// It never stood, or not to our knowledge.
    Create,
    /// It stood and is missing or unbound; it is put right.
    Repair { drift: String },
    /// It stood and is missing or unbound; policy says to leave it so.
    Report { drift: String },
    /// It is another's or has other settings; it is left alone.
    Refuse { conflict: String },
    /// The service does not answer.
    Wait { why: String },
}

/// The plan of one reconcile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Row and newest revision.
    pub row: Step,
    pub queue: Step,
    pub dead_letters: Step,
    pub collection: Step,
}

/// Decides every step from what was seen.
#[must_use]
pub fn plan(persona: &ValidatedPersona, observed: &Observed) -> Plan {
    let repair = persona.drift_policy == DriftPolicy::Repair;
    // A persona that owns a queue has been here before: its row cannot just be missing.
    let was_here = matches!(observed.queue.ownership, Ownership::Own { made: true, .. });
    Plan {
        row: if row_matches(persona, observed.row.as_ref()) {
            Step::Keep
        } else if observed.row.is_none() {
            missing(
                was_here && !observed.predecessor,
                repair,
                "the persona's row was missing".to_owned(),
            )
        } else {
            Step::Create
        },
        queue: plan_queue(&persona.queue, &observed.queue, repair),
        dead_letters: plan_queue(&persona.dead_letter_queue, &observed.dead_letters, repair),
        collection: plan_collection(persona, &observed.collection, repair),
    }
}

fn row_matches(persona: &ValidatedPersona, row: Option<&PersonaRow>) -> bool {
    row.is_some_and(|row| {
        row.gone_at.is_none()
            && row.queue == persona.queue
            && row.collection == persona.revision.vectors.collection
            && row.suspended == persona.suspended
            && row.tokens_per_day == persona.tokens_per_day
            && row.digest.as_deref() == Some(persona.revision.digest().as_str())
    })
}

fn plan_queue(name: &str, thing: &Thing<QueueSight>, repair: bool) -> Step {
    if let Some(step) = owned_elsewhere(name, &thing.ownership) {
        return step;
    }
    let made = matches!(thing.ownership, Ownership::Own { made: true, .. });
    let settled = matches!(thing.ownership, Ownership::Own { settled: true, .. });
    match &thing.sight {
        Err(why) => Step::Wait { why: why.clone() },
        Ok(QueueSight::Different { difference }) => Step::Refuse {
            conflict: format!(
                "queue {name} exists with other settings ({difference}) and is left as it is; delete or rename it"
            ),
        },
        // A listing may lag behind what was made a moment ago, and that is no drift.
        Ok(QueueSight::Absent) => missing(settled, repair, format!("queue {name} was missing")),
        Ok(QueueSight::Unbound { .. }) => missing(
            settled,
            repair,
            format!("queue {name} had lost its binding"),
        ),
        Ok(QueueSight::Standing { .. }) if made => Step::Keep,
        // Declared by an earlier attempt that did not live to note it, or by hand with the right settings.
        Ok(QueueSight::Standing { .. }) => Step::Create,
    }
}

fn plan_collection(
    persona: &ValidatedPersona,
    thing: &Thing<CollectionSight>,
    repair: bool,
) -> Step {
    let name = &persona.revision.vectors.collection;
    if let Some(step) = owned_elsewhere(name, &thing.ownership) {
        return step;
    }
    let made = matches!(thing.ownership, Ownership::Own { made: true, .. });
    match &thing.sight {
        Err(why) => Step::Wait { why: why.clone() },
        Ok(CollectionSight::Different { difference }) => Step::Refuse {
            conflict: format!(
                "collection {name} exists with other vector settings ({difference}) and is left as it is; rename or delete it"
            ),
        },
        Ok(CollectionSight::Absent) => {
            missing(made, repair, format!("collection {name} was missing"))
        }
        Ok(CollectionSight::Standing { .. }) if made => Step::Keep,
        // An entry without the note that the thing stands: an earlier attempt created it and did not live to note it.
        Ok(CollectionSight::Standing { points: 0 })
            if matches!(thing.ownership, Ownership::Own { .. }) =>
        {
            Step::Create
        }
        Ok(CollectionSight::Standing { .. }) if persona.adoption == Adoption::IfMatching => {
            Step::Adopt
        }
        Ok(CollectionSight::Standing { .. }) => Step::Refuse {
            conflict: format!(
                "collection {name} exists already and vectors.adoption is Never; delete it or create another Persona"
            ),
        },
    }
}

fn owned_elsewhere(name: &str, ownership: &Ownership) -> Option<Step> {
    match ownership {
        Ownership::Other { namespace, owner } => Some(Step::Refuse {
            conflict: format!(
                "{name} belongs to resource {owner} in namespace {namespace}, which had it first"
            ),
        }),
        Ownership::Free | Ownership::Own { .. } => None,
    }
}

fn missing(stood: bool, repair: bool, drift: String) -> Step {
    match (stood, repair) {
        (false, _) => Step::Create,
        (true, true) => Step::Repair { drift },
        (true, false) => Step::Report { drift },
    }
}

#[cfg(test)]
mod tests;
