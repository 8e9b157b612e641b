//! Our finalizer: on while the policy of a living object is Delete, off again when what it owned is gone.

use super::{ErrorClass, Kind, Notice, ReconcileError, time_boxed};
use crds::common::{
    meta::{ANNOTATION_ABANDON, FINALIZER},
    policy::DeletionPolicy,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use uuid::Uuid;

/// Puts the finalizer on or takes it off as the policy of a living object asks; answers the object as it is then.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn settle<K: Kind>(
    client: &Client,
    object: &K,
    policy: DeletionPolicy,
) -> Result<K, ReconcileError> {
    let wanted = policy == DeletionPolicy::Delete;
    if wanted == is_on(object) {
        return Ok(object.clone());
    }
    set(client, object, wanted).await
}

/// Whether our finalizer holds the object.
pub fn is_on<K: Kind>(object: &K) -> bool {
    object.finalizers().iter().any(|name| name == FINALIZER)
}

/// The uid of an object that our finalizer holds; none where it does not.
///
/// # Errors
/// A held object without a uid.
pub fn held<K: Kind>(object: &K) -> Result<Option<Uuid>, ReconcileError> {
    if !is_on(object) {
        return Ok(None);
    }
    match object.uid().and_then(|uid| uid.parse().ok()) {
        Some(uid) => Ok(Some(uid)),
        None => Err(ReconcileError::bug("a resource without a uid")),
    }
}

/// What a removal came to: a failure is let pass, with a notice, where a person asked to let the object go.
///
/// # Errors
/// The failure, where nobody did, or where another leader writes.
pub fn removed<K: Kind, T>(
    object: &K,
    removal: Result<T, impl Into<ReconcileError>>,
) -> Result<Vec<Notice>, ReconcileError> {
    let Err(error) = removal else {
        return Ok(Vec::new());
    };
    let error = error.into();
    let abandoned = object
        .annotations()
        .get(ANNOTATION_ABANDON)
        .is_some_and(|value| value == "true");
    if error.class == ErrorClass::Fenced || !abandoned {
        return Err(error);
    }
    Ok(vec![Notice::warning(
        "CleanupAbandoned",
        format!("its rows were left behind because of the annotation {ANNOTATION_ABANDON}"),
    )])
}

/// The sentence of a status while a removal fails; none where another leader writes, and the status is not ours to write.
#[must_use]
pub fn blocked(error: &ReconcileError) -> Option<String> {
    (error.class != ErrorClass::Fenced).then(|| {
        format!(
            "Blocked: {}. To let it go and leave the rows behind, annotate it {ANNOTATION_ABANDON}=true",
            error.message
        )
    })
}

/// Takes the finalizer off.
///
/// # Errors
/// The API server refuses or does not answer.
pub async fn release<K: Kind>(client: &Client, object: &K) -> Result<(), ReconcileError> {
    set(client, object, false).await.map(drop)
}

/// Writes the list whole, against the version that was read: what another manager added meanwhile is a conflict, not a loss.
async fn set<K: Kind>(client: &Client, object: &K, wanted: bool) -> Result<K, ReconcileError> {
    let mut finalizers: Vec<&str> = object
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != FINALIZER)
        .collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "resourceVersion": object.resource_version(), "finalizers": finalizers } });
    let api = Api::<K>::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let patch = Patch::Merge(patch);
    Ok(time_boxed(api.patch(&object.name_any(), &PatchParams::default(), &patch)).await?)
}
