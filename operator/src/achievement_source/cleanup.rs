//! The finalizer, and the end of a source that takes its rows along.

use super::{SourceWorld, status, write_status};
use crate::controller::{ErrorClass, Notice, Outcome, ReconcileError, Verdict, time_boxed};
use crds::{
    AchievementSource,
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

/// Puts the finalizer on or takes it off as the policy of a living source asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &SourceWorld,
    source: &AchievementSource,
) -> Result<AchievementSource, ReconcileError> {
    let wanted = source.spec.deletion_policy == DeletionPolicy::Delete;
    if wanted == has_finalizer(source) {
        return Ok(source.clone());
    }
    set_finalizer(world, source, wanted).await
}

/// Removes the rows, then the finalizer. Without our finalizer the search for orphans decides what stays.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &SourceWorld,
    source: &AchievementSource,
) -> Result<Outcome, ReconcileError> {
    if !has_finalizer(source) {
        return Ok(Outcome::of(Verdict::Skipped));
    }
    let Some(uid) = source.uid().and_then(|uid| uid.parse::<Uuid>().ok()) else {
        return Err(ReconcileError::bug("a resource without a uid"));
    };
    let removed = world.store.purge_source(uid).await;
    let mut notices = Vec::new();
    if let Err(error) = removed {
        let error = ReconcileError::from(error);
        if error.class == ErrorClass::Fenced || !is_abandoned(source) {
            return blocked(world, source, error).await;
        }
        notices.push(Notice::warning(
            "CleanupAbandoned",
            format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}"),
        ));
    }
    set_finalizer(world, source, false).await?;
    Ok(Outcome::done().telling(notices))
}

async fn blocked(
    world: &SourceWorld,
    source: &AchievementSource,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if error.class != ErrorClass::Fenced {
        let message = format!(
            "Blocked: {}. To let it go and leave the rows behind, annotate it {ANNOTATION_ABANDON}=true",
            error.message
        );
        let before = source.status.clone().unwrap_or_default();
        let after = status::build_deleting(
            &before,
            source.metadata.generation,
            &message,
            Timestamp::now(),
        );
        write_status(world, source, &before, &after).await?;
    }
    Err(error)
}

fn has_finalizer(source: &AchievementSource) -> bool {
    source.finalizers().iter().any(|name| name == FINALIZER)
}

fn is_abandoned(source: &AchievementSource) -> bool {
    source
        .annotations()
        .get(ANNOTATION_ABANDON)
        .is_some_and(|value| value == "true")
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizer(
    world: &SourceWorld,
    source: &AchievementSource,
    wanted: bool,
) -> Result<AchievementSource, ReconcileError> {
    let mut finalizers: Vec<&str> = source
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != FINALIZER)
        .collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "resourceVersion": source.resource_version(), "finalizers": finalizers } });
    let api = Api::<AchievementSource>::namespaced(
        world.client.clone(),
        &source.namespace().unwrap_or_default(),
    );
    Ok(time_boxed(api.patch(
        &source.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    ))
    .await?)
}
