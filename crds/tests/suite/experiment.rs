use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::{ContentJob, Experiment, PromptTemplate};

fn variant(name: &str, control: bool, version: &str) -> Value {
    json!({ "name": name, "control": control, "weightBp": 5000, "prompt": { "template": "launch", "version": version } })
}

fn experiment() -> Experiment {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Experiment",
        "metadata": { "name": "hooks" },
        "spec": {
            "hypothesis": "Questions are read.",
            "personaRef": { "name": "maya" },
            "variants": [variant("plain", true, "v1"), variant("question", false, "v2")],
            "objective": { "metric": { "numerator": "likes", "denominator": "impressions" } },
        },
    }))
    .unwrap()
}

#[test]
fn a_small_experiment_is_accepted_and_filled_with_defaults() {
    let experiment = experiment();
    assert_eq!(sentences(experiment.validate_cel()), Vec::<String>::new());
    let spec = &experiment.spec;
    assert_eq!(
        (spec.analysis.alpha_bp, spec.allocation.floor_bp),
        (500, 1000)
    );
    assert_eq!(spec.objective.attribution_window_seconds, 172_800);
    assert_eq!(spec.objective.feed, "default");
}

#[test]
fn a_wrong_experiment_is_refused_with_the_sentence_that_mends_it() {
    let cases: &[(&str, Value, &str)] = &[
        ("/metadata/name", json!("a.b"), "may not hold a dot"),
        (
            "/spec/variants/1/control",
            json!(true),
            "exactly one variant must be the control",
        ),
        (
            "/spec/variants/0/control",
            json!(false),
            "exactly one variant must be the control",
        ),
        (
            "/spec/variants/0/weightBp",
            json!(4999),
            "must sum to 10000",
        ),
        (
            "/spec/variants/0/prompt",
            Value::Null,
            "needs a prompt or dimensions",
        ),
        (
            "/spec/decision",
            json!({ "mode": "AutoPromote" }),
            "AutoPromote and AutoRollback need both",
        ),
        (
            "/spec/decision",
            json!({ "template": "other", "track": "production" }),
            "compares versions of one template",
        ),
        (
            "/spec/unit",
            json!("Participant"),
            "a Proportion counts participants",
        ),
        (
            "/spec/objective/metric/denominator",
            Value::Null,
            "needs a denominator",
        ),
        (
            "/spec/analysis",
            json!({ "covariates": ["OwnPast"] }),
            "OwnPast belongs to unit Participant",
        ),
        (
            "/spec/stopping",
            json!({ "minDurationSeconds": 10, "maxDurationSeconds": 10, "minUnitsPerArm": 1 }),
            "raise it",
        ),
    ];
    for (pointer, value, sentence) in cases {
        assert_refused(
            with(&experiment(), pointer, value.clone()).validate_cel(),
            sentence,
        );
    }
    let bandit = with(
        &experiment(),
        "/spec/allocation",
        json!({ "mode": "Bandit" }),
    );
    assert_eq!(sentences(bandit.validate_cel()), Vec::<String>::new());
    assert_refused(
        with(
            &bandit,
            "/spec/analysis",
            json!({ "engine": "FixedHorizon" }),
        )
        .validate_cel(),
        "a bandit moves the weights",
    );
}

#[test]
fn the_design_stands_from_the_start_on_and_not_before() {
    let draft = experiment();
    let changed = with(&draft, "/spec/hypothesis", json!("Another."));
    assert_eq!(
        sentences(changed.validate_cel_update(&draft)),
        Vec::<String>::new()
    );
    let started = with(
        &draft,
        "/status",
        json!({ "startedAt": "2026-11-23T10:00:00Z" }),
    );
    for (pointer, value) in [
        ("/spec/hypothesis", json!("Another.")),
        ("/spec/variants/1/prompt/version", json!("v3")),
        (
            "/spec/guardrails",
            json!([{ "name": "hides", "marginBp": 100,
            "metric": { "numerator": "hides", "denominator": "impressions" } }]),
        ),
        ("/spec/stopping/maxDurationSeconds", json!(999_999)),
    ] {
        assert_refused(
            with(&started, pointer, value).validate_cel_update(&started),
            "the design cannot change once the experiment has started",
        );
    }
    let suspended = with(&started, "/spec/suspend", json!(true));
    assert_eq!(
        sentences(suspended.validate_cel_update(&started)),
        Vec::<String>::new()
    );
}

#[test]
fn a_job_follows_a_prompt_or_an_experiment_and_not_both() {
    let job: ContentJob = serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob", "metadata": { "name": "launch" },
        "spec": { "personaRef": { "name": "maya" }, "input": { "text": "t" }, "experimentRef": { "name": "hooks" } },
    }))
    .unwrap();
    assert_eq!(sentences(job.validate_cel()), Vec::<String>::new());
    assert_refused(
        with(&job, "/spec/promptRef", json!({ "name": "launch" })).validate_cel(),
        "remove one of the two",
    );
}

#[test]
fn a_track_is_fixed_or_managed() {
    let template: PromptTemplate = serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate", "metadata": { "name": "launch" },
        "spec": { "versions": [{ "name": "v1", "hook": "h", "body": "b" }],
            "tracks": [{ "name": "production", "managed": { "initial": "v1" } }] },
    }))
    .unwrap();
    assert_eq!(sentences(template.validate_cel()), Vec::<String>::new());
    assert_refused(
        with(&template, "/spec/tracks/0/version", json!("v1")).validate_cel(),
        "give exactly one of version (fixed here) and managed",
    );
    assert_refused(
        with(&template, "/spec/tracks/0/managed/initial", json!("v9")).validate_cel(),
        "every track must name a version",
    );
}
