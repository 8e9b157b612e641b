//! The status of an object that could not be reconciled at all: it does not deserialize, or its reconcile panicked.

use super::{Kind, ReconcileError, patch_status, time_boxed};
use crds::{ConditionState, ConditionType, Reason, set_condition};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::{Api, Client, api::ApiResource, core::DynamicObject};
use serde_json::{Value, json};

/// Says in the object's conditions that it is stuck, whatever else its status holds; nothing else of it is touched.
///
/// # Errors
/// [`ReconcileError`]
pub async fn degrade<K: Kind>(
    client: &Client,
    namespace: &str,
    name: &str,
    reason: Reason,
    message: &str,
) -> Result<(), ReconcileError> {
    let api = Api::<DynamicObject>::namespaced_with(
        client.clone(),
        namespace,
        &ApiResource::erase::<K>(&()),
    );
    let object = match time_boxed(api.get_opt(name)).await? {
        Some(object) => object,
        None => return Ok(()),
    };
    let before = object
        .data
        .get("status")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let after = degraded(
        &before,
        object.metadata.generation,
        reason,
        message,
        Timestamp::now(),
    );
    patch_status(
        &api,
        name,
        object.metadata.resource_version.as_deref(),
        &before,
        &after,
    )
    .await?;
    Ok(())
}

/// The status with Ready, Reconciling and Stalled set.
#[must_use]
pub fn degraded(
    before: &Value,
    generation: Option<i64>,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> Value {
    let mut conditions: Vec<Condition> = before
        .get("conditions")
        .and_then(|list| serde_json::from_value(list.clone()).ok())
        .unwrap_or_default();
    for (type_, state) in [
        (ConditionType::Ready, ConditionState::False),
        (ConditionType::Reconciling, ConditionState::False),
        (ConditionType::Stalled, ConditionState::True),
    ] {
        set_condition(
            &mut conditions,
            type_,
            state,
            reason,
            message,
            generation,
            now,
        );
    }
    let mut after = before.clone();
    if !after.is_object() {
        after = json!({});
    }
    after["conditions"] = json!(conditions);
    if let Some(generation) = generation {
        after["observedGeneration"] = json!(generation);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_status_keeps_everything_but_the_three_conditions() {
        let before = json!({ "phase": "Ready", "conditions": [
            { "type": "RowSynced", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        ] });
        let after = degraded(
            &before,
            Some(4),
            Reason::InternalError,
            "boom",
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(after["phase"], "Ready");
        assert_eq!(after["observedGeneration"], 4);
        let types: Vec<_> = after["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| c["type"].clone())
            .collect();
        assert_eq!(types, ["RowSynced", "Ready", "Reconciling", "Stalled"]);
        assert_eq!(after["conditions"][3]["status"], "True");
        assert_eq!(after["conditions"][3]["observedGeneration"], 4);
    }
}
