#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

fn template(spec: Value) -> PromptTemplate {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
        "metadata": { "name": "launch", "namespace": "a", "uid": Uuid::from_u128(1), "generation": 2 },
        "spec": spec,
    }))
    .unwrap()
}

#[test]
fn a_good_template_keeps_its_texts_and_references() {
    let valid = validate(&template(json!({
        "versions": [
            { "name": "v1", "system": "s", "hook": "h", "body": "b" },
            { "name": "v2", "hook": "h", "bodyFrom": { "name": "texts", "key": "body" } },
        ],
        "tracks": [{ "name": "production", "version": "v2" }],
    })))
    .unwrap();
    assert_eq!(
        valid.references().into_iter().collect::<Vec<_>>(),
        [("texts", "body")]
    );
    assert_eq!(valid.versions[1].system, "");
    assert!(!valid.suspended && !valid.report_drift);
}

/// FAULTS 40: what the schema should have refused, or a stored object that predates a rule.
#[test]
fn what_cannot_be_acted_upon_is_refused_with_a_sentence() {
    let refused = |spec| validate(&template(spec)).unwrap_err().to_string();
    let version = |name: &str| json!({ "name": name, "hook": "h", "body": "b" });
    assert!(
        refused(json!({ "versions": [version("v1"), version("v1")] })).contains("stands twice")
    );
    assert!(
        refused(json!({ "versions": [{ "name": "v1", "hook": "h" }] }))
            .contains("exactly one of body and bodyFrom")
    );
    let both =
        json!({ "name": "v1", "hook": "h", "hookFrom": { "name": "c", "key": "k" }, "body": "b" });
    assert!(refused(json!({ "versions": [both] })).contains("exactly one of hook and hookFrom"));
    assert!(
        refused(json!({ "versions": [{ "name": "v1", "hook": "h\u{0}", "body": "b" }] }))
            .contains("NUL")
    );
    let stray =
        json!({ "versions": [version("v1")], "tracks": [{ "name": "canary", "version": "v9" }] });
    assert!(refused(stray).contains("not in spec.versions"));
}

#[test]
fn an_object_without_a_uid_is_refused() {
    let mut object = template(json!({ "versions": [{ "name": "v1", "hook": "h", "body": "b" }] }));
    object.metadata.uid = None;
    assert_eq!(validate(&object), Err(Invalid::Absent("uid")));
}
