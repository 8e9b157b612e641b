#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

pub fn achievement(spec: Value) -> Achievement {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "Achievement",
        "metadata": { "name": "drill", "namespace": "a", "uid": Uuid::from_u128(1), "generation": 1 }, "spec": spec,
    }))
    .unwrap()
}

#[test]
fn what_a_person_says_becomes_overrides_and_what_is_absent_stays_absent() {
    let valid = validate(&achievement(json!({
        "source": { "type": "Manual" },
        "facts": { "title": " Restore drill ", "category": "infrastructure", "people": [{ "login": "maya", "role": "Reviewer" }] },
        "portfolio": { "priority": 80 },
    })))
    .unwrap();
    assert_eq!(valid.overrides.title.as_deref(), Some("Restore drill"));
    assert_eq!(valid.overrides.category, Some(Category::Infrastructure));
    assert_eq!(valid.overrides.display_priority, Some(80));
    assert_eq!(valid.overrides.people.unwrap()[0].role, Role::Reviewer);
    assert_eq!(
        (valid.overrides.hidden, valid.overrides.description),
        (None, None)
    );
    assert_eq!(valid.publish, None);
}

#[test]
fn a_bare_pull_request_overrides_nothing() {
    let valid = validate(&achievement(json!({
        "source": { "type": "GitHubPR", "repository": "acme/shop", "number": 42 },
    })))
    .unwrap();
    assert_eq!(valid.overrides, Overrides::default());
}

// FAULTS 40: a stored object may predate the schema's rules.
#[test]
fn what_cannot_be_stored_or_misleads_is_refused_with_how_to_mend_it() {
    for (facts, sentence) in [
        (json!({}), "facts.title is missing"),
        (json!({ "title": "  " }), "must not be blank"),
        (
            json!({ "title": "a\u{202E}b" }),
            "marks of writing direction",
        ),
        (json!({ "title": "a", "description": "b\u{0}" }), "NUL"),
        (
            json!({ "title": "a", "startedAt": "2026-02-01T00:00:00Z", "completedAt": "2026-01-01T00:00:00Z" }),
            "must not be before facts.startedAt",
        ),
    ] {
        let refused = validate(&achievement(
            json!({ "source": { "type": "Manual" }, "facts": facts }),
        ))
        .unwrap_err()
        .to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
}
