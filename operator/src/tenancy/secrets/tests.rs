#![allow(clippy::unwrap_used)]

use super::*;
use crds::common::meta::SecretPurpose;
use serde_json::{Value, json};

const CANARY: &str = "sk-canary";

fn need() -> SecretNeed {
    SecretNeed {
        purpose: SecretPurpose::Model,
        name: "keys".into(),
        key: "api-key".into(),
        host: "api.example.com".into(),
    }
}

fn secret(label: Value, hosts: Value, key: &str) -> Secret {
    use base64_of as encode;
    serde_json::from_value(json!({
        "metadata": { "name": "keys", "labels": { LABEL_USE: label }, "annotations": { ANNOTATION_HOSTS: hosts } },
        "data": { key: encode(CANARY) },
    }))
    .unwrap()
}

/// The one value that is needed here, so that no encoder is.
fn base64_of(_: &str) -> &'static str {
    "c2stY2FuYXJ5"
}

#[test]
fn a_secret_must_exist_and_carry_label_host_and_key() {
    let good = secret(
        json!("embedding.model"),
        json!("other.example, API.example.com"),
        "api-key",
    );
    assert_eq!(check(&need(), Some(&good)), Ok(()));
    for (secret, reason) in [
        (None, Reason::SecretNotFound),
        (
            Some(secret(
                json!("embedding"),
                json!("api.example.com"),
                "api-key",
            )),
            Reason::SecretNotLabelled,
        ),
        (
            Some(secret(json!("models"), json!("api.example.com"), "api-key")),
            Reason::SecretNotLabelled,
        ),
        (
            Some(secret(json!("model"), json!("example.com"), "api-key")),
            Reason::SecretHostNotAllowed,
        ),
        (
            Some(secret(
                json!("model"),
                json!("api.example.com.evil.test"),
                "api-key",
            )),
            Reason::SecretHostNotAllowed,
        ),
        (
            Some(secret(json!("model"), json!("api.example.com"), "other")),
            Reason::SecretKeyMissing,
        ),
    ] {
        assert_eq!(check(&need(), secret.as_ref()).unwrap_err().reason, reason);
    }
}

/// FAULTS 60.
#[test]
fn no_message_holds_a_value() {
    let wrong = secret(json!("model"), json!("api.example.com"), "other");
    let problem = check(&need(), Some(&wrong)).unwrap_err();
    assert!(!format!("{problem:?}").contains(CANARY));
}

#[test]
fn an_empty_value_is_no_key() {
    let mut empty = secret(json!("model"), json!("api.example.com"), "api-key");
    empty
        .data
        .as_mut()
        .unwrap()
        .get_mut("api-key")
        .unwrap()
        .0
        .clear();
    assert_eq!(
        check(&need(), Some(&empty)).unwrap_err().reason,
        Reason::SecretKeyMissing
    );
}
