//! The end of a ContentJob. Under Retain nothing holds it back, and its rows are ended when it is gone; under Delete a
//! finalizer waits until its tasks are cancelled and its task rows removed (FAULTS 44–47).

use super::{ContentJobWorld, status::build_deleting, write_status};
use crate::controller::{ErrorClass, Notice, Outcome, ReconcileError, time_boxed};
use crds::{
    ContentJob,
    common::{
        meta::{ANNOTATION_ABANDON, ANNOTATION_ERASE, FINALIZER},
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

/// What the finalizers of a living job have to become; none where they are right.
#[must_use]
pub fn wanted_finalizers(job: &ContentJob) -> Option<Vec<String>> {
    let has = has_finalizer(job);
    match (job.spec.deletion_policy, has) {
        (DeletionPolicy::Delete, false) => Some(
            job.finalizers()
                .iter()
                .cloned()
                .chain([FINALIZER.to_owned()])
                .collect(),
        ),
        (DeletionPolicy::Retain, true) => Some(without_ours(job)),
        (DeletionPolicy::Delete, true) | (DeletionPolicy::Retain, false) => None,
    }
}

fn has_finalizer(job: &ContentJob) -> bool {
    job.finalizers()
        .iter()
        .any(|finalizer| finalizer == FINALIZER)
}

fn without_ours(job: &ContentJob) -> Vec<String> {
    job.finalizers()
        .iter()
        .filter(|finalizer| *finalizer != FINALIZER)
        .cloned()
        .collect()
}

fn annotated(job: &ContentJob, annotation: &str) -> bool {
    job.annotations()
        .get(annotation)
        .is_some_and(|value| value == "true")
}

/// Puts the finalizer on or takes it off as the policy of a living job asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle_finalizer(
    world: &ContentJobWorld,
    job: ContentJob,
) -> Result<ContentJob, kube::Error> {
    match wanted_finalizers(&job) {
        None => Ok(job),
        Some(finalizers) => set_finalizers(world, &job, finalizers).await,
    }
}

/// One pass of a deletion.
///
/// # Errors
/// [`ReconcileError`]
pub async fn delete(world: &ContentJobWorld, job: &ContentJob) -> Result<Outcome, ReconcileError> {
    let Some(uid) = uid(job).filter(|_| has_finalizer(job)) else {
        return Ok(Outcome::done());
    };
    let buried = world
        .store
        .bury_job(uid, true, annotated(job, ANNOTATION_ERASE))
        .await
        .map_err(ReconcileError::from);
    match buried {
        Ok(ended) => {
            set_finalizers(world, job, without_ours(job)).await?;
            world.last_writes.forget(uid);
            let note = format!("{ended} tasks were cancelled; task rows and messages are removed");
            Ok(Outcome::done().telling(vec![Notice::normal("Deleted", note)]))
        }
        Err(error) if error.class == ErrorClass::Fenced => Err(error),
        Err(error) if annotated(job, ANNOTATION_ABANDON) => {
            tracing::warn!(%error, job = %job.name_any(), %uid, "a job goes although its rows could not be cleaned up");
            set_finalizers(world, job, without_ours(job)).await?;
            let note =
                format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}");
            Ok(Outcome::done().telling(vec![Notice::warning("CleanupAbandoned", note)]))
        }
        Err(error) => {
            let message = format!(
                "Blocked: {}. To let it go and leave its rows behind, annotate it {ANNOTATION_ABANDON}=true",
                error.message
            );
            let before = job.status.clone().unwrap_or_default();
            let after =
                build_deleting(&before, job.metadata.generation, &message, Timestamp::now());
            write_status(world, job, &before, &after).await?;
            Err(error)
        }
    }
}

#[must_use]
pub fn uid(job: &ContentJob) -> Option<Uuid> {
    job.metadata.uid.as_deref().and_then(|uid| uid.parse().ok())
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set_finalizers(
    world: &ContentJobWorld,
    job: &ContentJob,
    finalizers: Vec<String>,
) -> Result<ContentJob, kube::Error> {
    let api =
        Api::<ContentJob>::namespaced(world.client.clone(), &job.namespace().unwrap_or_default());
    let patch = json!({ "metadata": { "resourceVersion": job.resource_version(), "finalizers": finalizers } });
    time_boxed(api.patch(
        &job.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    ))
    .await
}

#[cfg(test)]
mod tests;
