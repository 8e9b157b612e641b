//! Persona: its queue, its collection, its row and revisions, its prompt.
//!
//! One reconcile is observe → validate → plan → apply → status. The names of what is observed come from the resource, so
//! validation stands first here; observation and planning see only what it lets through.

pub mod adapters;
pub mod apply;
pub mod cleanup;
pub mod delete;
pub mod observe;
pub mod plan;
pub mod ports;
pub mod status;
pub mod validate;
pub mod workers;

#[cfg(test)]
pub mod testing;

use backends::postgres::{ErrorClass, StoreError, operator::OperatorStore};
use crds::{
    Persona, PersonaStatus, Reason,
    common::meta::{LABEL_INSTALL, LABEL_PERSONA},
};
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Resource, ResourceExt};
use observe::ObserveError;
use ports::{QueuePort, VectorPort};
use status::{Applied, Outcome};
use std::{sync::Arc, time::Duration};

/// What a reconcile of a persona reaches.
#[derive(Clone)]
pub struct PersonaWorld {
    pub client: kube::Client,
    pub install: String,
    pub store: OperatorStore,
    pub queues: Arc<dyn QueuePort>,
    pub vectors: Arc<dyn VectorPort>,
    pub pods: workers::WorkerPods,
}

impl PersonaWorld {
    /// Unfinished worker Pods; none before they were listed.
    #[must_use]
    pub fn active_workers(&self, namespace: &str, persona: &str) -> Option<usize> {
        self.pods.active(namespace, persona)
    }

    /// Label selector of a persona's worker Pods.
    #[must_use]
    pub fn worker_selector(&self, persona: &str) -> String {
        format!("{LABEL_INSTALL}={},{LABEL_PERSONA}={persona}", self.install)
    }
}

/// What a reconcile asks for afterwards.
#[derive(Debug, Default)]
pub struct Pass {
    /// When to look again without being told; none where only a change matters.
    pub again: Option<Duration>,
    /// What people shall read in the object's events.
    pub notices: Vec<Notice>,
}

/// An event about the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub warning: bool,
    pub reason: &'static str,
    pub note: String,
}

/// Why a reconcile could not even say in the status what is wrong, or has to be tried again with backoff.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileFailure {
    /// This process no longer leads and must end.
    #[error("{0}")]
    Fenced(StoreError),
    #[error("the Kubernetes API: {0}")]
    Kubernetes(#[from] kube::Error),
    /// The status says so; try again with backoff.
    #[error("{0}")]
    Unavailable(String),
}

/// Brings one persona as far as it goes and says in its status how far that was.
///
/// # Errors
/// [`ReconcileFailure`]
pub async fn reconcile_in(world: &PersonaWorld, cached: &Persona) -> Result<Pass, ReconcileFailure> {
    let Some(persona) = observe::living(world, cached).await? else { return Ok(Pass::default()) };
    if persona.meta().deletion_timestamp.is_some() {
        return delete::delete(world, &persona).await;
    }
    let persona = delete::settle_finalizer(world, persona).await?;
    let namespace = persona.namespace().unwrap_or_default();
    let Some(tenant) = observe::tenant(world, &namespace).await? else { return Ok(Pass::default()) };
    let before = persona.status.clone().unwrap_or_default();
    match validate::validate(&persona, &tenant) {
        Err(invalid) => {
            let after = status::build_invalid(&before, persona.metadata.generation, &invalid, Timestamp::now());
            write_status(world, &persona, &before, &after).await?;
            Ok(Pass::default())
        }
        Ok(valid) => match bring_about(world, &valid).await {
            Ok(applied) => {
                let after = status::build(&before, &valid, &applied, Timestamp::now());
                write_status(world, &persona, &before, &after).await?;
                finish(&applied)
            }
            Err(ObserveError::Kubernetes(error)) => Err(error.into()),
            Err(ObserveError::Store(error)) => give_up(world, &persona, &before, error).await,
        },
    }
}

async fn bring_about(world: &PersonaWorld, persona: &validate::ValidatedPersona) -> Result<Applied, ObserveError> {
    let observed = observe::observe(world, persona).await?;
    let plan = plan::plan(persona, &observed);
    Ok(apply::apply(world, persona, &observed, &plan).await?)
}

/// Postgres did not answer: nothing else was touched, and the status says why.
async fn give_up(
    world: &PersonaWorld,
    persona: &Persona,
    before: &PersonaStatus,
    error: StoreError,
) -> Result<Pass, ReconcileFailure> {
    if error.class() == ErrorClass::Fenced {
        return Err(ReconcileFailure::Fenced(error));
    }
    let message = format!("Postgres: {error}");
    let after = status::build_unavailable(before, persona.metadata.generation, &message, Timestamp::now());
    write_status(world, persona, before, &after).await?;
    Err(ReconcileFailure::Unavailable(message))
}

/// What follows from what was done: when to look again, and what to tell.
fn finish(applied: &Applied) -> Result<Pass, ReconcileFailure> {
    let things = [&applied.row, &applied.queue, &applied.collection];
    let mut pass = Pass::default();
    for thing in things {
        match thing {
            Outcome::Repaired { drift } => pass.notices.push(Notice {
                warning: true,
                reason: "Drifted",
                note: format!("{drift}; it was put right"),
            }),
            Outcome::Reported { drift } => pass.notices.push(Notice {
                warning: true,
                reason: "Drifted",
                note: format!("{drift}; driftPolicy Report leaves it so"),
            }),
            Outcome::Conflict { message } => {
                pass.notices.push(Notice { warning: true, reason: "Conflict", note: message.clone() });
            }
            Outcome::Unavailable { message } => return Err(ReconcileFailure::Unavailable(message.clone())),
            Outcome::Ready => {}
        }
    }
    if let Err(problem) = &applied.secrets {
        pass.again = Some(secret_interval(problem.reason, applied.waiting_seconds.unwrap_or(0.0)));
    } else if applied.prompt.is_err() {
        // The template's appearance is a trigger; this is for the moment at which waiting becomes stalling.
        pass.again = patience_left(applied.waiting_seconds.unwrap_or(0.0));
    }
    Ok(pass)
}

/// Nobody tells of Secrets, since they are not watched: after 30 s, and ever later up to five minutes.
fn secret_interval(_: Reason, waited_seconds: f64) -> Duration {
    Duration::from_secs_f64((30.0 + waited_seconds / 2.0).clamp(30.0, 300.0))
}

fn patience_left(waited_seconds: f64) -> Option<Duration> {
    let left = status::PATIENCE_SECONDS - waited_seconds;
    (left > 0.0).then(|| Duration::from_secs_f64(left + 1.0))
}

/// Writes the status where it changed, with the resource version that was read.
async fn write_status(
    world: &PersonaWorld,
    persona: &Persona,
    before: &PersonaStatus,
    after: &PersonaStatus,
) -> Result<(), kube::Error> {
    if before == after {
        return Ok(());
    }
    let api = Api::<Persona>::namespaced(world.client.clone(), &persona.namespace().unwrap_or_default());
    let mut next = persona.clone();
    next.status = Some(after.clone());
    next.metadata.managed_fields = None;
    api.replace_status(&persona.name_any(), &kube::api::PostParams::default(), &next).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
