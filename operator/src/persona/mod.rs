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
pub mod references;
pub mod run;
pub mod status;
pub mod validate;
pub mod workers;

#[cfg(test)]
pub mod testing;

use crate::{
    controller::{self, Notice, Outcome, ReconcileError, Verdict},
    tenancy::home,
};
use backends::postgres::{StoreError, operator::OperatorStore};
use crds::{
    Persona, PersonaStatus,
    common::meta::{LABEL_INSTALL, LABEL_PERSONA},
};
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};
use observe::ObserveError;
use ports::{QueuePort, VectorPort};
use references::PromptReferences;
use status::{Applied, Standing};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// What a reconcile of a persona reaches.
#[derive(Clone)]
pub struct PersonaWorld {
    pub client: kube::Client,
    pub install: String,
    pub store: OperatorStore,
    pub services: Services,
    pub pods: workers::WorkerPods,
    pub references: PromptReferences,
}

/// The two backing services in which a persona owns things.
#[derive(Clone)]
pub struct Services {
    pub queues: Arc<dyn QueuePort>,
    pub vectors: Arc<dyn VectorPort>,
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

/// While messages are held because no queue takes them: the relay tries them again every twenty seconds at the latest.
const HELD_MESSAGES: Duration = Duration::from_secs(15);

/// Brings one persona, as it was just read, as far as it goes, and says in its status how far that was.
///
/// # Errors
/// [`ReconcileError`]; whatever the status could say of it was written before.
pub async fn reconcile(world: &PersonaWorld, persona: &Persona) -> Result<Outcome, ReconcileError> {
    if persona.meta().deletion_timestamp.is_some() {
        return delete::delete(world, persona).await;
    }
    let persona = delete::settle_finalizer(world, persona).await?;
    let namespace = persona.namespace().unwrap_or_default();
    world.references.note(
        &namespace,
        &persona.name_any(),
        &persona.spec.prompt_ref.name,
    );
    let Some(home) = home(&world.client, &world.install, &namespace).await? else {
        return Ok(Outcome::of(Verdict::Skipped));
    };
    let before = persona.status.clone().unwrap_or_default();
    match validate::validate(&persona, &home.tenant) {
        Err(invalid) => {
            let after = status::build_invalid(
                &before,
                persona.metadata.generation,
                &invalid,
                Timestamp::now(),
            );
            write_status(world, &persona, &before, &after).await?;
            Ok(Outcome::of(Verdict::Refused))
        }
        Ok(valid) => match bring_about(world, &valid, home.adopts).await {
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

async fn bring_about(
    world: &PersonaWorld,
    persona: &validate::ValidatedPersona,
    adopts: Option<Uuid>,
) -> Result<Applied, ObserveError> {
    if let Some(old) = adopts {
        world.store.adopt_namespace(&persona.tenant, old).await?;
    }
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
) -> Result<Outcome, ReconcileError> {
    let error = ReconcileError::from(error);
    if error.class != controller::ErrorClass::Fenced {
        let after = status::build_unavailable(
            before,
            persona.metadata.generation,
            &error.message,
            Timestamp::now(),
        );
        write_status(world, persona, before, &after).await?;
    }
    Err(error)
}

/// What follows from what was done: when to look again, and what to tell.
fn finish(applied: &Applied) -> Result<Outcome, ReconcileError> {
    let mut outcome = Outcome::done();
    for (backend, thing) in [
        ("postgres", &applied.row),
        ("rabbitmq", &applied.queue),
        ("qdrant", &applied.collection),
    ] {
        match thing {
            Standing::Ready => {}
            Standing::Repaired { drift } => {
                outcome.repairs.push(backend);
                outcome.notices.push(Notice::warning(
                    "Drifted",
                    format!("{drift}; it was put right"),
                ));
            }
            Standing::Reported { drift } => {
                outcome.notices.push(Notice::warning(
                    "Drifted",
                    format!("{drift}; driftPolicy Report leaves it so"),
                ));
            }
            Standing::Conflict { message } => {
                outcome.verdict = Verdict::Refused;
                outcome
                    .notices
                    .push(Notice::warning("Conflict", message.clone()));
            }
            Standing::Unavailable { message } => {
                return Err(ReconcileError::transient(message.clone()));
            }
        }
    }
    let waited = applied.waiting_seconds.unwrap_or(0.0);
    if applied.secrets.is_err() || applied.prompt.is_err() {
        outcome.verdict = Verdict::Waiting;
    }
    if applied.secrets.is_err() {
        outcome.again = Some(secret_interval(waited));
    } else if applied.prompt.is_err() {
        // The template's appearance is a trigger; this is for the moment at which waiting becomes stalling.
        outcome.again = patience_left(waited);
    }
    if applied.unroutable.is_some() {
        outcome.verdict = Verdict::Waiting;
        outcome.again = Some(
            outcome
                .again
                .map_or(HELD_MESSAGES, |again| again.min(HELD_MESSAGES)),
        );
    }
    Ok(outcome)
}

/// Nobody tells of Secrets, since they are not watched: after 30 s, and ever later up to five minutes.
fn secret_interval(waited_seconds: f64) -> Duration {
    Duration::from_secs_f64((30.0 + waited_seconds / 2.0).clamp(30.0, 300.0))
}

fn patience_left(waited_seconds: f64) -> Option<Duration> {
    let left = status::PATIENCE_SECONDS - waited_seconds;
    (left > 0.0).then(|| Duration::from_secs_f64(left + 1.0))
}

async fn write_status(
    world: &PersonaWorld,
    persona: &Persona,
    before: &PersonaStatus,
    after: &PersonaStatus,
) -> Result<(), ReconcileError> {
    controller::write_status(&world.client, &world.store, persona, before, after)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
