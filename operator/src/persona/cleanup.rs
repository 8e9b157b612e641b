//! Deletion under `deletionPolicy: Delete`. Work ends first, then the persona's row, then what it owns elsewhere; each
//! thing goes only with a committed intent and while the ledger still names this uid (FAULTS 44, 45, 47).

use super::{PersonaWorld, ports::PortError};
use backends::postgres::{
    StoreError,
    operator::ledger::{Claim, LedgerEntry, System},
};
use crds::{
    Persona,
    common::{
        meta::{ANNOTATION_ABANDON, ANNOTATION_ERASE, FINALIZER},
        pending::PendingDeletion,
        policy::DeletionPolicy,
    },
};
use kube::{Resource, ResourceExt};
use uuid::Uuid;

/// Most entries that the status lists.
const LISTED: usize = 10;

/// What the finalizer's list has to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalizerStep {
    Keep,
    Add,
    Remove,
}

/// Whether a living persona needs the finalizer: only `Delete` does.
#[must_use]
pub fn plan_finalizer(persona: &Persona) -> FinalizerStep {
    match (persona.spec.deletion_policy, has_finalizer(persona)) {
        (DeletionPolicy::Delete, false) => FinalizerStep::Add,
        (DeletionPolicy::Retain, true) => FinalizerStep::Remove,
        (DeletionPolicy::Delete, true) | (DeletionPolicy::Retain, false) => FinalizerStep::Keep,
    }
}

#[must_use]
pub fn has_finalizer(persona: &Persona) -> bool {
    persona
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
}

/// The finalizers without, or with, ours.
#[must_use]
pub fn finalizers_after(persona: &Persona, step: FinalizerStep) -> Vec<String> {
    let others = persona
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != FINALIZER)
        .cloned();
    match step {
        FinalizerStep::Remove => others.collect(),
        FinalizerStep::Add => others.chain([FINALIZER.to_owned()]).collect(),
        FinalizerStep::Keep => persona.finalizers().to_vec(),
    }
}

/// How far a cleanup got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is left; the object may go.
    Done,
    /// Somebody asked to let it go although things remain; how many were left behind.
    Abandoned { left: u64 },
    /// Workers still hold tasks; they stop at their next heartbeat, or their lease ends.
    Working {
        tasks: i64,
        pending: Vec<PendingDeletion>,
    },
    /// A service does not answer, or holds live work.
    Blocked {
        why: String,
        pending: Vec<PendingDeletion>,
    },
}

/// Goes as far as it can. Safe to repeat from any point.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes.
pub async fn cleanup(world: &PersonaWorld, persona: &Persona) -> Result<Progress, StoreError> {
    let Some(uid) = persona
        .meta()
        .uid
        .as_deref()
        .and_then(|uid| uid.parse::<Uuid>().ok())
    else {
        return Ok(Progress::Done);
    };
    let asked = |annotation: &str| {
        persona
            .annotations()
            .get(annotation)
            .is_some_and(|value| value == "true")
    };
    world.store.cancel_persona(uid).await?;
    if asked(ANNOTATION_ABANDON) {
        let left = world
            .store
            .abandon(uid, &format!("annotation {ANNOTATION_ABANDON}"))
            .await?;
        world.store.bury_persona(uid, false).await?;
        return Ok(Progress::Abandoned { left });
    }
    // From here on nothing claims for this persona and nothing new is queued.
    world
        .store
        .bury_persona(uid, asked(ANNOTATION_ERASE))
        .await?;
    let owned = world.store.owned_by(uid).await?;
    let tasks = world.store.live_tasks(uid).await?;
    if tasks > 0 {
        return Ok(Progress::Working {
            tasks,
            pending: listed(&owned),
        });
    }
    let namespace = persona.namespace().unwrap_or_default();
    for (done, entry) in owned.iter().enumerate() {
        if let Err(error) = destroy(world, &namespace, uid, entry).await? {
            return Ok(Progress::Blocked {
                why: error.to_string(),
                pending: listed(&owned[done..]),
            });
        }
    }
    Ok(Progress::Done)
}

/// Destroys one thing, if it is still this uid's.
async fn destroy(
    world: &PersonaWorld,
    namespace: &str,
    uid: Uuid,
    entry: &LedgerEntry,
) -> Result<Result<(), PortError>, StoreError> {
    let Some(system) = [System::RabbitMq, System::Qdrant]
        .into_iter()
        .find(|system| system.as_str() == entry.system)
    else {
        return Ok(Ok(()));
    };
    let claim = Claim {
        system,
        name: &entry.name,
        namespace,
        owner: uid,
    };
    let Some(intent) = world
        .store
        .intend_destruction(&claim, "deletionPolicy: Delete")
        .await?
    else {
        return Ok(Ok(()));
    };
    let deleted = match system {
        System::Qdrant => world.services.vectors.delete(&entry.name).await,
        System::RabbitMq | System::Postgres | System::Kubernetes => {
            world.services.queues.delete(&entry.name).await
        }
    };
    if deleted.is_ok() {
        world.store.finish_destruction(intent).await?;
    }
    Ok(deleted)
}

fn listed(owned: &[LedgerEntry]) -> Vec<PendingDeletion> {
    owned
        .iter()
        .take(LISTED)
        .map(|entry| PendingDeletion {
            system: entry.system.clone(),
            name: entry.name.clone(),
            objects: None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
