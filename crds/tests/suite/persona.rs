use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::Persona;

fn persona() -> Persona {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Persona",
        "metadata": { "name": "maya" },
        "spec": {
            "voice": { "displayName": "Maya" },
            "model": { "endpoint": "https://llm.example/v1", "name": "writer", "apiKeySecretRef": { "name": "key" } },
            "embedding": { "endpoint": "http://llm.example:8000/v1", "model": "embedder", "secretRef": { "name": "key" } },
            "promptRef": { "name": "launch" },
            "gates": { "emotion": { "bounds": [{ "emotion": "joy", "minBp": 100, "maxBp": 900 }] } },
            "worker": { "labels": { "kueue.x-k8s.io/queue-name": "team" }, "proxy": { "url": "http://proxy.example:3128" } },
        },
    }))
    .unwrap()
}

#[test]
fn a_small_persona_is_accepted_and_filled_with_defaults() {
    let persona = persona();
    assert_eq!(sentences(persona.validate_cel()), Vec::<String>::new());
    assert_eq!(
        (
            persona.spec.vectors.dimensions,
            persona.spec.limits.concurrency
        ),
        (1536, 2)
    );
    assert_eq!(persona.spec.model.api_key_secret_ref.key, "api-key");
    assert_eq!(
        (
            persona.spec.model.temperature_bp,
            persona.spec.gates.dedup.threshold_bp
        ),
        (7000, 9200)
    );
    assert_eq!(persona.spec.voice.language, "en");
}

#[test]
fn a_wrong_persona_is_refused_with_the_sentence_that_mends_it() {
    let endpoint = "endpoint must be an http or https URL";
    let cases: &[(&str, Value, &str)] = &[
        (
            "/metadata/name",
            json!("m".repeat(51)),
            "at most 50 characters",
        ),
        (
            "/metadata/name",
            json!("maya.chen"),
            "may not hold a dot; use a hyphen",
        ),
        (
            "/spec/model/endpoint",
            json!("ftp://llm.example/v1"),
            endpoint,
        ),
        ("/spec/model/endpoint", json!("llm.example/v1"), endpoint),
        (
            "/spec/model/endpoint",
            json!("https://user:word@llm.example/v1"),
            endpoint,
        ),
        (
            "/spec/embedding/endpoint",
            json!("https://llm.example/v1?key=secret"),
            endpoint,
        ),
        (
            "/spec/moderation",
            json!({ "endpoint": "no url", "model": "m", "secretRef": { "name": "key" } }),
            endpoint,
        ),
        (
            "/spec/promptRef",
            json!({ "name": "p", "track": "canary", "digest": "0".repeat(64) }),
            "give track or digest, not both",
        ),
        (
            "/spec/gates/emotion",
            json!({}),
            "needs trajectories or bounds",
        ),
        (
            "/spec/gates/emotion/bounds/0",
            json!({ "emotion": "fear", "minBp": 900, "maxBp": 100 }),
            "minBp must not be above maxBp",
        ),
        (
            "/spec/worker/labels",
            json!({ "threads-agent.io/persona": "other" }),
            "belong to the operator",
        ),
        (
            "/spec/worker/proxy/url",
            json!("http://user:word@proxy.example"),
            "without a user",
        ),
    ];
    for (pointer, value, sentence) in cases {
        assert_refused(
            with(&persona(), pointer, value.clone()).validate_cel(),
            sentence,
        );
    }
}

#[test]
fn vectors_stay_as_they_are_and_everything_else_may_change() {
    let old = persona();
    let outcome =
        |pointer: &str, value: Value| with(&old, pointer, value).validate_cel_update(&old);
    for (pointer, value) in [
        ("/spec/vectors/dimensions", json!(768)),
        ("/spec/vectors/distance", json!("Dot")),
        ("/spec/vectors/adoption", json!("Never")),
    ] {
        assert_refused(outcome(pointer, value), "spec.vectors cannot change");
    }
    // Leaving the defaults out is no change.
    assert_eq!(
        sentences(outcome("/spec/vectors", Value::Null)),
        Vec::<String>::new()
    );
    for (pointer, value) in [
        ("/spec/embedding/model", json!("another")),
        ("/spec/suspend", json!(true)),
        ("/spec/promptRef/track", json!("canary")),
        ("/spec/deletionPolicy", json!("Delete")),
    ] {
        assert_eq!(
            sentences(outcome(pointer, value)),
            Vec::<String>::new(),
            "{pointer}"
        );
    }
}
