#![allow(clippy::unwrap_used)]

use super::*;
use crate::persona::testing::{persona, tenant};
use serde_json::{Value, json};

/// The persona with one value of its spec replaced, given by JSON pointer.
fn with(pointer: &str, value: Value) -> Persona {
    let mut changed = serde_json::to_value(persona()).unwrap();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    changed["spec"].pointer_mut(parent).unwrap()[last] = value;
    serde_json::from_value(changed).unwrap()
}

#[test]
fn a_good_persona_gets_its_names_and_its_revision() {
    let valid = validate(&persona(), &tenant()).unwrap();
    assert!(valid.queue.starts_with("content.generation.a.maya-"));
    assert_eq!(valid.dead_letter_queue, format!("{}.dead", valid.queue));
    assert!(
        valid
            .revision
            .vectors
            .collection
            .starts_with("posts_a_maya_")
    );
    assert_eq!(valid.secrets.len(), 2);
    assert!(
        valid
            .secrets
            .iter()
            .all(|need| need.host == "llm" && need.key == "api-key")
    );
}

#[test]
fn another_embedding_model_is_another_collection_and_the_same_queue() {
    let before = validate(&persona(), &tenant()).unwrap();
    let after = validate(&with("/embedding/model", json!("f")), &tenant()).unwrap();
    assert_ne!(
        before.revision.vectors.collection,
        after.revision.vectors.collection
    );
    assert_ne!(before.revision.digest(), after.revision.digest());
    assert_eq!(before.queue, after.queue);
}

/// FAULTS 40, for values that a schema without our rules would let through.
#[test]
fn values_that_the_schema_should_have_refused_are_refused_with_a_sentence() {
    let long = "x".repeat(1 << 20);
    for (pointer, value) in [
        ("/voice/displayName", json!("")),
        ("/voice/displayName", json!("  ")),
        ("/voice/displayName", json!("Ma\u{0}ya")),
        ("/voice/displayName", json!("Maya\u{202e}nehC")),
        ("/voice/displayName", json!(long)),
        ("/voice/styleGuide", json!("a\u{0}b")),
        ("/voice/styleGuide", json!(long)),
        ("/model/name", json!("")),
        ("/model/temperatureBp", json!(-1)),
        ("/model/temperatureBp", json!(20_001)),
        ("/model/maxOutputTokens", json!(0)),
        ("/model/endpoint", json!("llm:8000/v1")),
        ("/model/endpoint", json!("ftp://llm/v1")),
        ("/model/endpoint", json!("http://user@llm/v1")),
        ("/model/endpoint", json!("http://llm/v1?x=1")),
        ("/embedding/endpoint", json!("")),
        ("/embedding/endpoint", json!("http://ll\nm/v1")),
        ("/vectors/dimensions", json!(0)),
        ("/vectors/dimensions", json!(4097)),
    ] {
        let invalid = validate(&with(pointer, value), &tenant()).unwrap_err();
        assert_eq!(invalid.reason(), Reason::SpecInvalid, "{pointer}");
        assert!(
            invalid.to_string().len() < 300,
            "{pointer}: the message does not repeat the value"
        );
    }
    let mut nameless = persona();
    nameless.metadata.name = Some("x".repeat(51));
    assert!(validate(&nameless, &tenant()).is_err());
}

#[test]
fn a_host_is_what_the_workers_client_would_connect_to() {
    for (endpoint, host) in [
        ("https://API.Example.com/v1", "api.example.com"),
        ("http://10.0.0.1:8000/v1", "10.0.0.1"),
        ("http://0x7f.1/v1", "127.0.0.1"),
        ("http:///allowed.example/v1", "allowed.example"),
        ("http://allowed.example\\@evil.test/v1", "allowed.example"),
    ] {
        let valid = validate(&with("/model/endpoint", json!(endpoint)), &tenant()).unwrap();
        assert_eq!(valid.secrets[0].host, host);
        assert!(
            valid
                .revision
                .model
                .endpoint
                .endpoint
                .split('/')
                .nth(2)
                .unwrap()
                .starts_with(host)
        );
    }
}

#[test]
fn an_emotion_gate_needs_english() {
    let mut persona = with(
        "/gates",
        json!({ "emotion": { "trajectories": ["rising"] } }),
    );
    assert!(validate(&persona, &tenant()).is_ok());
    persona.spec.voice.language = "de".into();
    assert_eq!(
        validate(&persona, &tenant()).unwrap_err().reason(),
        Reason::LanguageUnsupported
    );
    persona.spec.voice.language = "en-GB".into();
    assert!(validate(&persona, &tenant()).is_ok());
}
