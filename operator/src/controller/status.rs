//! How a status reaches the API server: as the difference to what was read, or not at all.

use super::{calls::time_boxed, error::ReconcileError, telling};
use crate::context::FIELD_MANAGER;
use backends::postgres::operator::OperatorStore;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// Field of a condition that alone is no reason for a write.
const TIME: &str = "lastTransitionTime";

/// Notes what people shall be told of the change, then writes the status of an object as it was read, as [`patch_status`] does. In
/// this order nothing is left untold where this process ends in between; the note is the same when the step is repeated.
///
/// # Errors
/// [`ReconcileError`]; an object that is gone is no error.
pub async fn write_status<K, S>(
    client: &Client,
    store: &OperatorStore,
    object: &K,
    before: &S,
    after: &S,
) -> Result<Option<K>, ReconcileError>
where
    K: super::Kind,
    S: Serialize,
{
    let Some((before, after)) = differing(before, after)? else {
        return Ok(None);
    };
    let news = telling::news(object, &before, &after);
    if !news.is_empty() {
        store.note_notifications(&news).await?;
    }
    let namespace = object.namespace().unwrap_or_default();
    let api = Api::<K>::namespaced(client.clone(), &namespace);
    let version = object.resource_version();
    patch(
        &api,
        &object.name_any(),
        version.as_deref(),
        &before,
        &after,
    )
    .await
}

/// Writes the difference between two statuses, and nothing where they differ in transition times at most.
///
/// The patch carries the resource version that was read: a write of another's in between answers 409, and the reconcile is
/// repeated with the object as it is then (FAULTS 4). Answers the resource as it is after the write, where one was needed.
///
/// # Errors
/// [`ReconcileError`]; an object that is gone is no error.
pub async fn patch_status<K, S>(
    api: &Api<K>,
    name: &str,
    resource_version: Option<&str>,
    before: &S,
    after: &S,
) -> Result<Option<K>, ReconcileError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
    S: Serialize,
{
    match differing(before, after)? {
        Some((before, after)) => patch(api, name, resource_version, &before, &after).await,
        None => Ok(None),
    }
}

/// Both statuses as JSON, where they differ in more than transition times.
fn differing<S: Serialize>(
    before: &S,
    after: &S,
) -> Result<Option<(Value, Value)>, ReconcileError> {
    let (before, after) = (to_value(before)?, to_value(after)?);
    let differ = without_times(&before) != without_times(&after);
    Ok(differ.then_some((before, after)))
}

async fn patch<K>(
    api: &Api<K>,
    name: &str,
    resource_version: Option<&str>,
    before: &Value,
    after: &Value,
) -> Result<Option<K>, ReconcileError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut patch = json!({ "status": merge_patch(before, after) });
    if let Some(version) = resource_version {
        patch["metadata"] = json!({ "resourceVersion": version });
    }
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match time_boxed(api.patch_status(name, &parameters, &Patch::Merge(patch))).await {
        Ok(written) => Ok(Some(written)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn to_value<S: Serialize>(status: &S) -> Result<Value, ReconcileError> {
    serde_json::to_value(status)
        .map_err(|error| ReconcileError::bug(format!("a status does not serialize: {error}")))
}

/// The JSON merge patch (RFC 7396) that makes `after` of `before`; lists are replaced whole.
#[must_use]
pub fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let removed = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = after.iter().filter_map(|(key, new)| match before.get(key) {
        Some(old) if old == new => None,
        Some(old) => Some((key.clone(), merge_patch(old, new))),
        None => Some((key.clone(), new.clone())),
    });
    Value::Object(removed.chain(changed).collect::<Map<_, _>>())
}

fn without_times(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != TIME)
            .map(|(key, value)| (key.clone(), without_times(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_times).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
