//! A persona as tests use it.
#![allow(clippy::unwrap_used)]

use crds::Persona;
use domain::names::Tenant;
use serde_json::json;
use uuid::Uuid;

pub const UID: Uuid = Uuid::from_u128(0x0e1a_0000_0000_4000_8000_0000_0000_0001);

/// A tenant whose namespace is named `a`.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant { install: "threads".into(), namespace: "a".into(), namespace_uid: Uuid::from_u128(7) }
}

/// A persona of the namespace `a` that needs one Secret, `keys`, and the track `production` of the template `launch`.
#[must_use]
pub fn persona() -> Persona {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Persona",
        "metadata": { "name": "maya", "namespace": "a", "uid": UID, "generation": 3, "resourceVersion": "10" },
        "spec": {
            "voice": { "displayName": "Maya" },
            "model": { "endpoint": "http://llm:8000/v1", "name": "m", "apiKeySecretRef": { "name": "keys" } },
            "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secretRef": { "name": "keys" } },
            "promptRef": { "name": "launch" },
            "vectors": { "dimensions": 8 },
        },
    }))
    .unwrap()
}
