use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::ContentJob;

fn job() -> ContentJob {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "ContentJob",
        "metadata": { "name": "launch" },
        "spec": { "personaRef": { "name": "maya" }, "input": { "text": "We shipped." }, "count": 3 },
    }))
    .unwrap()
}

#[test]
fn a_small_job_is_accepted_and_filled_with_defaults() {
    let job = job();
    assert_eq!(sentences(job.validate_cel()), Vec::<String>::new());
    let spec = &job.spec;
    assert_eq!(
        (spec.parallelism, spec.priority, spec.retry.max_attempts),
        (2, 50, 3)
    );
    assert_eq!(
        (spec.timeouts.total_seconds, spec.timeouts.attempt_seconds),
        (3600, 300)
    );
    assert_eq!(spec.ttl_seconds_after_finished, 3600);
}

#[test]
fn a_wrong_job_is_refused_with_the_sentence_that_mends_it() {
    let map = json!({ "name": "texts", "key": "launch" });
    let cases: &[(&str, Value, &str)] = &[
        (
            "/metadata/name",
            json!("j".repeat(51)),
            "at most 50 characters",
        ),
        ("/metadata/name", json!("launch.week"), "may not hold a dot"),
        (
            "/spec/input",
            json!({}),
            "give exactly one of input.text and input.configMapKeyRef",
        ),
        (
            "/spec/input",
            json!({ "text": "t", "configMapKeyRef": map }),
            "give exactly one of",
        ),
        (
            "/spec/promptRef",
            json!({ "name": "p", "track": "canary", "digest": "0".repeat(64) }),
            "give track or digest",
        ),
        (
            "/spec/timeouts",
            json!({ "totalSeconds": 60, "attemptSeconds": 61 }),
            "must not be above timeouts.totalSeconds",
        ),
    ];
    for (pointer, value, sentence) in cases {
        assert_refused(
            with(&job(), pointer, value.clone()).validate_cel(),
            sentence,
        );
    }
    let from_map = with(
        &job(),
        "/spec/input",
        json!({ "configMapKeyRef": { "name": "texts", "key": "launch" } }),
    );
    assert_eq!(sentences(from_map.validate_cel()), Vec::<String>::new());
}

#[test]
fn what_a_job_is_about_cannot_change() {
    let old = with(&job(), "/spec/limits/tokens", json!(5000));
    let cases: &[(&str, Value, &str)] = &[
        ("/spec/personaRef/name", json!("otto"), "spec.personaRef"),
        ("/spec/input/text", json!("other"), "spec.input"),
        (
            "/spec/input",
            json!({ "configMapKeyRef": { "name": "m", "key": "k" } }),
            "spec.input",
        ),
        ("/spec/count", json!(4), "spec.count"),
        ("/spec/parallelism", json!(5), "spec.parallelism"),
        ("/spec/contentType", json!("thread"), "spec.contentType"),
        ("/spec/promptRef", json!({ "name": "p" }), "spec.promptRef"),
        (
            "/spec/variables",
            json!({ "audience": "x" }),
            "spec.variables",
        ),
        ("/spec/mode", json!("Plan"), "spec.mode"),
        ("/spec/timeouts/totalSeconds", json!(7200), "spec.timeouts"),
        ("/spec/retry/maxAttempts", json!(1), "spec.retry"),
        ("/spec/limits/tokens", Value::Null, "spec.limits"),
        ("/spec/limits/tokens", json!(9), "spec.limits"),
    ];
    for (pointer, value, field) in cases {
        let outcome = with(&old, pointer, value.clone()).validate_cel_update(&old);
        assert_refused(
            outcome,
            &format!(
                "{field} cannot change once the ContentJob exists; create one with another name"
            ),
        );
    }
    let prompted = with(&old, "/spec/promptRef", json!({ "name": "p" }));
    assert_refused(
        old.validate_cel_update(&prompted),
        "spec.promptRef cannot change",
    );
    let moved = with(&prompted, "/spec/promptRef/track", json!("canary"));
    assert_refused(
        moved.validate_cel_update(&prompted),
        "spec.promptRef cannot change",
    );
}

#[test]
fn the_declared_exceptions_may_change() {
    let old = job();
    for (pointer, value) in [
        ("/spec/suspend", json!(true)),
        ("/spec/cancel", json!(true)),
        ("/spec/priority", json!(99)),
        ("/spec/runId", json!("second")),
        ("/spec/ttlSecondsAfterFinished", json!(0)),
        ("/spec/deletionPolicy", json!("Delete")),
        ("/spec/driftPolicy", json!("Report")),
    ] {
        let outcome = with(&old, pointer, value).validate_cel_update(&old);
        assert_eq!(sentences(outcome), Vec::<String>::new(), "{pointer}");
    }
}

#[test]
fn a_cancelled_run_stays_cancelled() {
    let cancelled = with(&job(), "/spec/cancel", json!(true));
    let sentence =
        "spec.cancel cannot be taken back for the same run; set spec.runId to a new value as well";
    assert_refused(job().validate_cel_update(&cancelled), sentence);

    let named = with(&cancelled, "/spec/runId", json!("first"));
    assert_refused(
        with(&named, "/spec/cancel", json!(false)).validate_cel_update(&named),
        sentence,
    );
    let anew = with(
        &with(&named, "/spec/cancel", json!(false)),
        "/spec/runId",
        json!("second"),
    );
    assert_eq!(
        sentences(anew.validate_cel_update(&named)),
        Vec::<String>::new()
    );
    let first = with(&job(), "/spec/runId", json!("first"));
    assert_eq!(
        sentences(first.validate_cel_update(&cancelled)),
        Vec::<String>::new()
    );
}
