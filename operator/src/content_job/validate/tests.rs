#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{annotated, job_with, tenant, valid};
use serde_json::{Value, json};

#[test]
fn what_may_change_is_no_part_of_the_run() {
    let first = valid(json!({}));
    for change in [
        json!({ "suspend": true }),
        json!({ "cancel": true }),
        json!({ "priority": 90 }),
        json!({ "ttlSecondsAfterFinished": 5 }),
        json!({ "deletionPolicy": "Delete" }),
        json!({ "driftPolicy": "Report" }),
    ] {
        assert_eq!(valid(change.clone()).run_id, first.run_id, "{change}");
    }
}

#[test]
fn what_is_written_and_the_run_id_make_another_run() {
    let first = valid(json!({}));
    for change in [
        json!({ "personaRef": { "name": "otto" } }),
        json!({ "input": { "text": "Another" } }),
        json!({ "count": 4 }),
        json!({ "contentType": "thread" }),
        json!({ "mode": "Plan" }),
        json!({ "variables": { "audience": "all" } }),
        json!({ "retry": { "maxAttempts": 5 } }),
        json!({ "runId": "again" }),
    ] {
        assert_ne!(valid(change.clone()).run_id, first.run_id, "{change}");
    }
}

/// A change of this digest would make every finished job of every user run anew after an update.
#[test]
fn the_digest_of_a_spec_never_changes() {
    let digest = valid(json!({})).spec_digest;
    let expected = digest_of(&json!({
        "personaRef": "maya", "input": { "text": "The launch" }, "count": 3, "parallelism": 2, "contentType": "post",
        "promptRef": null, "variables": {}, "mode": "Generate",
        "timeouts": { "totalSeconds": 3600, "attemptSeconds": 300 }, "retry": { "maxAttempts": 3 }, "limits": {},
    }));
    assert_eq!(digest, expected);
}

#[test]
fn a_plan_is_one_task_whatever_its_count() {
    assert_eq!(valid(json!({ "count": 7 })).tasks_total(), 7);
    assert_eq!(
        valid(json!({ "count": 7, "mode": "Plan" })).tasks_total(),
        1
    );
}

/// FAULTS 40.
#[test]
fn values_that_the_schema_should_have_refused_are_named() {
    let long: String = "x".repeat(INPUT_MAX + 1);
    for (change, field) in [
        (json!({ "count": 0 }), "spec.count"),
        (json!({ "count": 201 }), "spec.count"),
        (json!({ "parallelism": -1 }), "spec.parallelism"),
        (json!({ "priority": 101 }), "spec.priority"),
        (json!({ "input": { "text": "a\u{0}b" } }), "spec.input.text"),
        (json!({ "input": { "text": "  " } }), "spec.input.text"),
        (json!({ "input": { "text": long } }), "spec.input.text"),
        (json!({ "input": {} }), "spec.input"),
        (json!({ "variables": { "a": "\u{0}" } }), "spec.variables"),
        (
            json!({ "timeouts": { "attemptSeconds": 1 } }),
            "spec.timeouts.attemptSeconds",
        ),
        (
            json!({ "retry": { "maxAttempts": 11 } }),
            "spec.retry.maxAttempts",
        ),
    ] {
        let job = job_with(change);
        assert_eq!(validate(&job, &tenant()).unwrap_err().field, field);
    }
}

#[test]
fn an_annotation_asks_only_in_its_own_words() {
    let retry = |value: Value| annotated(json!({ ANNOTATION_RETRY: value })).verbs.retry;
    assert_eq!(retry(json!("failed")).as_deref(), Some("failed"));
    assert_eq!(
        retry(json!("failed-2026-11-23")).as_deref(),
        Some("failed-2026-11-23")
    );
    assert_eq!(retry(json!("everything")), None);
    assert_eq!(annotated(json!({})).verbs, Verbs::default());
}
