use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::PromptTemplate;

fn template() -> PromptTemplate {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "PromptTemplate",
        "metadata": { "name": "launch" },
        "spec": {
            "versions": [{ "name": "v1", "hook": "{{ input }}", "body": "{{ hook }}" }],
            "tracks": [{ "name": "production", "version": "v1" }],
            "variables": [{ "name": "audience", "default": "all" }],
        },
    }))
    .unwrap()
}

#[test]
fn a_wrong_template_is_refused_with_the_sentence_that_mends_it() {
    assert_eq!(sentences(template().validate_cel()), Vec::<String>::new());
    let map = json!({ "name": "m", "key": "k" });
    let cases: &[(&str, Value, &str)] = &[
        ("/metadata/name", json!("a.b"), "may not hold a dot"),
        (
            "/spec/tracks/0/version",
            json!("v9"),
            "every track must name a version of spec.versions",
        ),
        (
            "/spec/versions/0",
            json!({ "name": "v1", "body": "b" }),
            "give exactly one of hook and hookFrom",
        ),
        (
            "/spec/versions/0",
            json!({ "name": "v1", "hook": "h", "hookFrom": map, "body": "b" }),
            "hook and hookFrom",
        ),
        (
            "/spec/versions/0",
            json!({ "name": "v1", "hook": "h" }),
            "give exactly one of body and bodyFrom",
        ),
        (
            "/spec/versions/0",
            json!({ "name": "v1", "hook": "h", "body": "b", "bodyFrom": map }),
            "body and bodyFrom",
        ),
        (
            "/spec/variables/0",
            json!({ "name": "x", "required": true, "default": "d" }),
            "required or has a default, not both",
        ),
    ];
    for (pointer, value, sentence) in cases {
        assert_refused(
            with(&template(), pointer, value.clone()).validate_cel(),
            sentence,
        );
    }
}

#[test]
fn a_version_never_changes_and_tracks_move() {
    let old = with(
        &template(),
        "/spec/versions",
        json!([
            { "name": "v1", "hook": "h", "body": "b" },
            { "name": "v2", "hook": "h", "body": "b" },
        ]),
    );
    let outcome =
        |pointer: &str, value: Value| with(&old, pointer, value).validate_cel_update(&old);
    for (pointer, value) in [
        ("/spec/versions/0/body", json!("other")),
        ("/spec/versions/1/hook", json!("other")),
        ("/spec/versions/0/system", json!("added")),
        (
            "/spec/versions/0",
            json!({ "name": "v1", "hook": "h", "bodyFrom": { "name": "m", "key": "k" } }),
        ),
    ] {
        assert_refused(
            outcome(pointer, value),
            "a version cannot change; add one under a new name",
        );
    }
    assert_eq!(
        sentences(outcome("/spec/tracks/0/version", json!("v2"))),
        Vec::<String>::new()
    );
    let mut added = old.clone();
    added
        .spec
        .versions
        .push(serde_json::from_value(json!({ "name": "v3", "hook": "x", "body": "y" })).unwrap());
    assert_eq!(
        sentences(added.validate_cel_update(&old)),
        Vec::<String>::new()
    );
}
