//! The finalizer, and the end of an experiment that takes its records along.

use super::{ExperimentWorld, status, write_status};
use crate::controller::{ErrorClass, Notice, Outcome, ReconcileError, Verdict, time_boxed};
use crds::{
    Experiment,
    common::{
        meta::{ANNOTATION_ABANDON, FINALIZER},
        policy::DeletionPolicy,
    },
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use uuid::Uuid;

/// Puts the finalizer on or takes it off as the policy of a living experiment asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &ExperimentWorld,
    experiment: &Experiment,
) -> Result<Experiment, ReconcileError> {
    let wanted = experiment.spec.deletion_policy == DeletionPolicy::Delete;
    if wanted == has_finalizer(experiment) {
        return Ok(experiment.clone());
    }
    set_finalizer(world, experiment, wanted).await
}

/// Removes the records, then the finalizer; what was promoted stays promoted. Without our finalizer the records stay as well,
/// and the search for orphans ends what ran.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &ExperimentWorld,
    experiment: &Experiment,
) -> Result<Outcome, ReconcileError> {
    if !has_finalizer(experiment) {
        return Ok(Outcome::of(Verdict::Skipped));
    }
    let Some(uid) = experiment.uid().and_then(|uid| uid.parse::<Uuid>().ok()) else {
        return Err(ReconcileError::bug("a resource without a uid"));
    };
    let removed = world.store.remove_experiment(uid).await;
    let mut notices = Vec::new();
    if let Err(error) = removed {
        let error = ReconcileError::from(error);
        if error.class == ErrorClass::Fenced || !is_abandoned(experiment) {
            return blocked(world, experiment, error).await;
        }
        notices.push(Notice::warning(
            "CleanupAbandoned",
            format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}"),
        ));
    }
    set_finalizer(world, experiment, false).await?;
    Ok(Outcome::done().telling(notices))
}

async fn blocked(
    world: &ExperimentWorld,
    experiment: &Experiment,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if error.class != ErrorClass::Fenced {
        let message = format!(
            "Blocked: {}. To let it go and leave the rows behind, annotate it {ANNOTATION_ABANDON}=true",
            error.message
        );
        let before = experiment.status.clone().unwrap_or_default();
        let after = status::build_deleting(
            &before,
            experiment.metadata.generation,
            &message,
            Timestamp::now(),
        );
        write_status(world, experiment, &before, &after).await?;
    }
    Err(error)
}

fn has_finalizer(experiment: &Experiment) -> bool {
    experiment.finalizers().iter().any(|name| name == FINALIZER)
}

fn is_abandoned(experiment: &Experiment) -> bool {
    experiment
        .annotations()
        .get(ANNOTATION_ABANDON)
        .is_some_and(|value| value == "true")
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizer(
    world: &ExperimentWorld,
    experiment: &Experiment,
    wanted: bool,
) -> Result<Experiment, ReconcileError> {
    let mut finalizers: Vec<&str> = experiment
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != FINALIZER)
        .collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "resourceVersion": experiment.resource_version(), "finalizers": finalizers } });
    let api = Api::<Experiment>::namespaced(
        world.client.clone(),
        &experiment.namespace().unwrap_or_default(),
    );
    Ok(time_boxed(api.patch(
        &experiment.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    ))
    .await?)
}
