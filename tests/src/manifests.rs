//! Manifests that the tests apply.

use serde_json::{Value, json};

/// Base URL of the stand-in model inside the cluster.
pub const ENDPOINT: &str = "http://llm.threads-system.svc.cluster.local:8000/v1";

/// What a persona, its template and its Secret need: everything but a job.
#[must_use]
pub fn foundation(persona: &str, model: &str) -> Vec<Value> {
    vec![model_key(), template(), self::persona(persona, model)]
}

#[must_use]
pub fn model_key() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "model-key", "labels": {"threads-agent.io/use": "model.embedding.moderation"},
            "annotations": {"threads-agent.io/hosts": "llm.threads-system.svc.cluster.local"}},
        "stringData": {"api-key": "canary-7f3a-never-to-be-seen"}})
}

#[must_use]
pub fn template() -> Value {
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate", "metadata": {"name": "launch"},
        "spec": {"versions": [{"name": "v1", "system": "You are {{ persona.displayName }}, {{ persona.tone }}.",
                "hook": "Write a hook about: {{ input }} (post {{ index }} of {{ count }})",
                "body": "Write the body that follows the hook \"{{ hook }}\" about: {{ input }}"}],
            "tracks": [{"name": "production", "version": "v1"}]}})
}

#[must_use]
pub fn persona(name: &str, model: &str) -> Value {
    let secret = json!({"name": "model-key", "key": "api-key"});
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "Persona", "metadata": {"name": name},
    "spec": {
        "voice": {"displayName": "Maya", "tone": "warm"},
        "model": {"endpoint": ENDPOINT, "name": model, "apiKeySecretRef": secret},
        "embedding": {"endpoint": ENDPOINT, "model": "stand-in-embedding", "secretRef": secret},
        "promptRef": {"name": "launch"},
        "limits": {"concurrency": 2}
    }})
}

#[must_use]
pub fn job(name: &str, persona: &str, count: i32) -> Value {
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob", "metadata": {"name": name},
        "spec": {"personaRef": {"name": persona}, "count": count, "parallelism": 2,
            "input": {"text": "We moved our build from forty minutes to four by caching what never changes."}}})
}
