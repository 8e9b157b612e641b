//! The finalizer, and the end of an achievement that takes its record along.

use super::{AchievementWorld, status, write_status};
use crate::controller::{ErrorClass, Notice, Outcome, ReconcileError, Verdict, time_boxed};
use crds::{
    Achievement,
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

/// Puts the finalizer on or takes it off as the policy of a living achievement asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &AchievementWorld,
    achievement: &Achievement,
) -> Result<Achievement, ReconcileError> {
    let wanted = achievement.spec.deletion_policy == DeletionPolicy::Delete;
    if wanted == has_finalizer(achievement) {
        return Ok(achievement.clone());
    }
    set_finalizer(world, achievement, wanted).await
}

/// Removes the record, then the finalizer. Without our finalizer the search for orphans decides what stays.
///
/// # Errors
/// [`ReconcileError`]; the status says what blocks.
pub async fn delete(
    world: &AchievementWorld,
    achievement: &Achievement,
) -> Result<Outcome, ReconcileError> {
    if !has_finalizer(achievement) {
        return Ok(Outcome::of(Verdict::Skipped));
    }
    let Some(uid) = achievement.uid().and_then(|uid| uid.parse::<Uuid>().ok()) else {
        return Err(ReconcileError::bug("a resource without a uid"));
    };
    let removed = world.store.purge_achievement(uid).await;
    let mut notices = Vec::new();
    if let Err(error) = removed {
        let error = ReconcileError::from(error);
        if error.class == ErrorClass::Fenced || !is_abandoned(achievement) {
            return blocked(world, achievement, error).await;
        }
        notices.push(Notice::warning(
            "CleanupAbandoned",
            format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}"),
        ));
    }
    set_finalizer(world, achievement, false).await?;
    Ok(Outcome::done().telling(notices))
}

async fn blocked(
    world: &AchievementWorld,
    achievement: &Achievement,
    error: ReconcileError,
) -> Result<Outcome, ReconcileError> {
    if error.class != ErrorClass::Fenced {
        let message = format!(
            "Blocked: {}. To let it go and leave the rows behind, annotate it {ANNOTATION_ABANDON}=true",
            error.message
        );
        let before = achievement.status.clone().unwrap_or_default();
        let after = status::build_deleting(
            &before,
            achievement.metadata.generation,
            &message,
            Timestamp::now(),
        );
        write_status(world, achievement, &before, &after).await?;
    }
    Err(error)
}

fn has_finalizer(achievement: &Achievement) -> bool {
    achievement
        .finalizers()
        .iter()
        .any(|name| name == FINALIZER)
}

fn is_abandoned(achievement: &Achievement) -> bool {
    achievement
        .annotations()
        .get(ANNOTATION_ABANDON)
        .is_some_and(|value| value == "true")
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizer(
    world: &AchievementWorld,
    achievement: &Achievement,
    wanted: bool,
) -> Result<Achievement, ReconcileError> {
    let mut finalizers: Vec<&str> = achievement
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != FINALIZER)
        .collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "resourceVersion": achievement.resource_version(), "finalizers": finalizers } });
    let api = Api::<Achievement>::namespaced(
        world.client.clone(),
        &achievement.namespace().unwrap_or_default(),
    );
    Ok(time_boxed(api.patch(
        &achievement.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    ))
    .await?)
}
