//! References of a job that resolve, to be spoilt one by one.

use super::scenario::revision;
use crate::content_job::resolve::References;
use backends::postgres::operator::{
    experiments::ExperimentRow,
    runs::{PinnedPersona, PinnedPrompt},
};
use chrono::{DateTime, Utc};
use crds::{Persona, PromptTemplate};
use domain::prompts::PromptSource;
use serde_json::{Value, json};
use uuid::Uuid;

#[must_use]
pub fn persona(status: Value) -> Persona {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Persona",
        "metadata": { "name": "maya", "namespace": "a", "generation": 4 },
        "spec": {
            "voice": { "displayName": "Maya" },
            "model": { "endpoint": "http://llm:8000/v1", "name": "m", "apiKeySecretRef": { "name": "keys" } },
            "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secretRef": { "name": "keys" } },
            "promptRef": { "name": "launch" },
        },
        "status": status,
    }))
    .unwrap()
}

#[must_use]
pub fn ready() -> Value {
    json!({ "observedGeneration": 4, "conditions": [condition("Ready", "True", "")] })
}

#[must_use]
pub fn condition(type_: &str, status: &str, message: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": "Why", "message": message, "lastTransitionTime": "2026-11-23T00:00:00Z" })
}

#[must_use]
pub fn template(variables: Value) -> PromptTemplate {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "PromptTemplate",
        "metadata": { "name": "launch", "namespace": "a" },
        "spec": { "versions": [], "variables": variables },
    }))
    .unwrap()
}

#[must_use]
pub fn prompt(hook: &str) -> PinnedPrompt {
    let source = PromptSource {
        system: "You are {{ persona.displayName }}.".into(),
        hook: hook.into(),
        body: "{{ hook }}".into(),
    };
    PinnedPrompt {
        digest: "digest".into(),
        version: "v1".into(),
        source,
    }
}

#[must_use]
pub fn references() -> References {
    References {
        input: Ok("The launch".into()),
        persona: Some(persona(ready())),
        pinned: Some(PinnedPersona {
            uid: Uuid::from_u128(1),
            revision_id: Uuid::from_u128(2),
            revision: revision(),
            tokens_per_day: None,
        }),
        template: Some(template(json!([]))),
        prompt: Some(Ok(prompt("On {{ input }}"))),
        experiment: None,
    }
}

/// A running experiment of the persona of [`references`]: the job's own prompt against another with a variable.
#[must_use]
pub fn experiment() -> ExperimentRow {
    ExperimentRow {
        uid: Uuid::from_u128(7),
        object_uid: Uuid::from_u128(7),
        namespace: "a".into(),
        namespace_uid: Uuid::from_u128(7),
        name: "hooks".into(),
        persona_uid: Uuid::from_u128(1),
        design: serde_json::from_value(design()).unwrap(),
        design_digest: "design".into(),
        arms: serde_json::from_value(arms()).unwrap(),
        started_at: Some(DateTime::<Utc>::UNIX_EPOCH),
        suspended: false,
        ended_at: None,
        ended_reason: None,
        verdict: None,
        winner: None,
        inputs_digest: None,
        evaluation: None,
        evaluated_at: None,
        weight_epoch: 0,
        canary: None,
        canary_at: None,
        pruned_at: None,
        gone_at: None,
    }
}

/// The arms of [`experiment`], as its row has them.
#[must_use]
pub fn arms() -> Value {
    json!([
        { "name": "plain", "promptDigest": null, "version": null, "variables": {} },
        { "name": "bold", "promptDigest": "bold-digest", "version": "v2", "variables": { "opening": "Look!" } },
    ])
}

/// The design of [`experiment`], as its row has it.
#[must_use]
pub fn design() -> Value {
    json!({
        "arms": [{ "name": "plain", "control": true, "weightBp": 5000 }, { "name": "bold", "control": false, "weightBp": 5000 }],
        "unit": "Post", "allocation": "Fixed",
        "metric": { "kind": "Mean", "numerator": "likes", "denominator": "impressions" },
        "direction": "Increase", "estimand": "PerTask", "attributionSeconds": 3600, "ingestGraceSeconds": 0,
        "publishDeadlineSeconds": 86400, "feed": "default", "guardrails": [], "secondary": [], "engine": "Sequential",
        "alphaBp": 500, "powerBp": 8000, "mdeBp": 1000, "plannedUnits": 100, "probabilityBestBp": 9500,
        "lossThresholdBp": 100, "covariates": [],
        "stopping": { "minSeconds": 0, "maxSeconds": 86400, "minUnitsPerArm": 0 }, "decision": "Manual",
    })
}
