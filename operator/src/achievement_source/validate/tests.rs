#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

pub fn source(spec: Value) -> AchievementSource {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource",
        "metadata": { "name": "shop", "namespace": "a", "uid": Uuid::from_u128(1), "generation": 1 }, "spec": spec,
    }))
    .unwrap()
}

#[test]
fn what_is_absent_gets_its_default() {
    let valid = validate(&source(
        json!({ "github": { "owner": "acme", "repository": "shop" } }),
    ))
    .unwrap();
    let settings = valid.settings;
    assert_eq!(settings.host, "github.com");
    assert_eq!(settings.api_base_url, "https://api.github.com");
    assert_eq!(settings.backfill_every_seconds, 6 * 3600);
    assert_eq!((settings.resources, settings.token), (20, false));
    assert_eq!(settings.publish.persona, None);
    assert!(valid.webhook.is_empty() && valid.secrets.is_empty());
}

#[test]
fn each_secret_is_needed_for_its_purpose_and_host() {
    let valid = validate(&source(json!({
        "github": { "owner": "acme", "apiBaseUrl": "https://Git.corp.example:8443/api/v3/" },
        "tokenSecretRef": { "name": "token" },
        "webhook": { "secretRef": { "name": "hook", "keys": ["new", "old"] } },
        "embedding": { "endpoint": "https://api.openai.com/v1", "model": "m", "secretRef": { "name": "key" } },
    })))
    .unwrap();
    assert_eq!(valid.settings.host, "git.corp.example:8443");
    assert_eq!(
        valid.settings.api_base_url,
        "https://git.corp.example:8443/api/v3"
    );
    let told = |needs: &[SecretNeed]| -> Vec<String> {
        let words = needs.iter();
        words
            .map(|it| format!("{} {}/{} {}", it.purpose.as_str(), it.name, it.key, it.host))
            .collect()
    };
    assert_eq!(
        told(&valid.secrets),
        [
            "github token/api-key git.corp.example",
            "embedding key/api-key api.openai.com"
        ]
    );
    assert_eq!(
        told(&valid.webhook),
        [
            "webhook hook/new git.corp.example",
            "webhook hook/old git.corp.example"
        ]
    );
}

// FAULTS 40, 55: a stored object may predate a rule; what becomes part of a path must not leave its place.
#[test]
fn what_the_schema_should_have_refused_is_refused_with_the_sentence_that_mends_it() {
    let cases = [
        (
            json!({ "github": { "owner": "../x" } }),
            "spec.github.owner",
        ),
        (
            json!({ "github": { "owner": "a", "repository": ".." } }),
            "spec.github.repository",
        ),
        (
            json!({ "github": { "owner": "a", "apiBaseUrl": "https://u:p@x" } }),
            "spec.github.apiBaseUrl",
        ),
        (
            json!({ "github": { "owner": "a" }, "backfill": { "every": "1m" } }),
            "between 5m and 30d",
        ),
        (
            json!({ "github": { "owner": "a" }, "resources": 201 }),
            "between 0 and 200",
        ),
    ];
    for (spec, sentence) in cases {
        let told = validate(&source(spec)).unwrap_err().to_string();
        assert!(told.contains(sentence), "{told}");
    }
}
