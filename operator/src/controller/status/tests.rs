#![allow(clippy::unwrap_used)]

use super::*;

/// What RFC 7396 says that a server does with a merge patch.
fn apply(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut fields = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            let merged = apply(fields.get(key).unwrap_or(&Value::Null), value);
            fields.insert(key.clone(), merged);
        }
    }
    Value::Object(fields)
}

#[test]
fn a_merge_patch_makes_the_new_status_of_the_old_one() {
    let before = json!({ "phase": "Pending", "usage": { "tokens": 3, "cost": "0.1" }, "conditions": [1, 2], "gone": true });
    let after =
        json!({ "phase": "Ready", "usage": { "tokens": 4 }, "conditions": [1], "new": { "a": 1 } });
    let patch = merge_patch(&before, &after);
    assert_eq!(apply(&before, &patch), after);
    assert_eq!(patch["gone"], Value::Null);
}

#[test]
fn an_unchanged_field_is_not_in_the_patch() {
    let patch = merge_patch(
        &json!({ "a": 1, "b": { "c": 2 } }),
        &json!({ "a": 2, "b": { "c": 2 } }),
    );
    assert_eq!(patch, json!({ "a": 2 }));
}

#[test]
fn transition_times_alone_are_no_difference() {
    let at =
        |time: &str| json!({ "conditions": [{ "type": "Ready", "lastTransitionTime": time }] });
    assert_eq!(
        without_times(&at("2026-01-01T00:00:00Z")),
        without_times(&at("2026-01-02T00:00:00Z"))
    );
    assert_ne!(
        without_times(&at("x")),
        without_times(&json!({ "conditions": [] }))
    );
}
