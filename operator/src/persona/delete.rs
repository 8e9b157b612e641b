//! The finalizer, and what the status says while a persona goes.

use super::{
    PersonaWorld,
    cleanup::{FinalizerStep, Progress, cleanup, finalizers_after, has_finalizer, plan_finalizer},
    write_status,
};
use crate::{
    context::FIELD_MANAGER,
    controller::{ErrorClass, Notice, Outcome, ReconcileError, time_boxed},
};
use crds::{
    ConditionState, ConditionType, Persona, PersonaStatus, Reason,
    common::{meta::ANNOTATION_ABANDON, pending::PendingDeletion},
    persona::PersonaPhase,
    set_condition,
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use std::time::Duration;

/// Workers notice a cancelled task at their next heartbeat.
const WORKERS_STOP: Duration = Duration::from_secs(5);

/// Puts the finalizer on or takes it off as the policy of a living persona asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &PersonaWorld,
    persona: &Persona,
) -> Result<Persona, ReconcileError> {
    match plan_finalizer(persona) {
        FinalizerStep::Keep => Ok(persona.clone()),
        step => set_finalizers(world, persona, step).await,
    }
}

/// One pass of a deletion. Without our finalizer there is nothing to do: the orphan sweep ends what the rows still hold.
///
/// # Errors
/// [`ReconcileError`]
pub async fn delete(world: &PersonaWorld, persona: &Persona) -> Result<Outcome, ReconcileError> {
    world.references.forget(
        &persona.namespace().unwrap_or_default(),
        &persona.name_any(),
    );
    if !has_finalizer(persona) {
        return Ok(Outcome::done());
    }
    match cleanup(world, persona).await {
        Ok(Progress::Done) => {
            set_finalizers(world, persona, FinalizerStep::Remove).await?;
            Ok(Outcome::done())
        }
        Ok(Progress::Abandoned { left }) => {
            set_finalizers(world, persona, FinalizerStep::Remove).await?;
            let note = format!(
                "{left} things were left behind because of the annotation {ANNOTATION_ABANDON}"
            );
            Ok(Outcome::done().telling(vec![Notice::warning("CleanupAbandoned", note)]))
        }
        Ok(Progress::Working { tasks, pending }) => {
            let message =
                format!("{tasks} tasks are ending; then queue and collection are removed");
            write(world, persona, Reason::Deleting, &message, pending).await?;
            Ok(Outcome::done().after(Some(WORKERS_STOP)))
        }
        Ok(Progress::Blocked { why, pending }) => blocked(world, persona, &why, pending).await,
        Err(error) => {
            let error = ReconcileError::from(error);
            if error.class == ErrorClass::Fenced {
                Err(error)
            } else {
                blocked(world, persona, &error.message, Vec::new()).await
            }
        }
    }
}

async fn blocked(
    world: &PersonaWorld,
    persona: &Persona,
    why: &str,
    pending: Vec<PendingDeletion>,
) -> Result<Outcome, ReconcileError> {
    let message = format!(
        "Blocked: {why}. To let it go and leave the rest behind, annotate it {ANNOTATION_ABANDON}=true"
    );
    write(
        world,
        persona,
        Reason::DependencyUnavailable,
        &message,
        pending,
    )
    .await?;
    Err(ReconcileError::transient(message))
}

async fn write(
    world: &PersonaWorld,
    persona: &Persona,
    reason: Reason,
    message: &str,
    pending: Vec<PendingDeletion>,
) -> Result<(), ReconcileError> {
    let before = persona.status.clone().unwrap_or_default();
    let after = build(
        &before,
        persona.metadata.generation,
        reason,
        message,
        pending,
    );
    write_status(world, persona, &before, &after).await
}

fn build(
    before: &PersonaStatus,
    generation: Option<i64>,
    reason: Reason,
    message: &str,
    pending: Vec<PendingDeletion>,
) -> PersonaStatus {
    let mut status = before.clone();
    status.observed_generation = generation;
    status.phase = Some(PersonaPhase::Deleting);
    if !pending.is_empty() {
        status.pending_deletion = pending;
    }
    let now = Timestamp::now();
    let mut set = |type_, state: ConditionState, reason, message| {
        set_condition(
            &mut status.conditions,
            type_,
            state,
            reason,
            message,
            generation,
            now,
        );
    };
    set(
        ConditionType::Ready,
        ConditionState::False,
        Reason::Deleting,
        message,
    );
    set(
        ConditionType::Reconciling,
        ConditionState::True,
        reason,
        message,
    );
    set(ConditionType::Stalled, ConditionState::False, reason, "");
    status
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizers(
    world: &PersonaWorld,
    persona: &Persona,
    step: FinalizerStep,
) -> Result<Persona, ReconcileError> {
    let api = Api::<Persona>::namespaced(
        world.client.clone(),
        &persona.namespace().unwrap_or_default(),
    );
    let patch = json!({ "metadata": {
        "resourceVersion": persona.resource_version(),
        "finalizers": finalizers_after(persona, step),
    }});
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    Ok(time_boxed(api.patch(&persona.name_any(), &parameters, &Patch::Merge(patch))).await?)
}
