use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::Achievement;

fn achievement(source: Value, facts: Value) -> Achievement {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Achievement",
        "metadata": { "name": "restore-drill" },
        "spec": { "source": source, "facts": facts },
    }))
    .unwrap()
}

fn declared() -> Achievement {
    achievement(
        json!({ "type": "Manual" }),
        json!({ "title": "Restore drill", "startedAt": "2026-09-01T08:00:00Z", "completedAt": "2026-09-18T15:30:00Z" }),
    )
}

fn collected() -> Achievement {
    achievement(
        json!({ "type": "GitHubPR", "repository": "acme/shop", "number": 42 }),
        json!({}),
    )
}

#[test]
fn what_a_person_declares_and_what_a_host_told_are_accepted() {
    assert_eq!(sentences(declared().validate_cel()), Vec::<String>::new());
    assert_eq!(sentences(collected().validate_cel()), Vec::<String>::new());
    assert_eq!(collected().spec.source.host(), "github.com");
    let silent = with(&collected(), "/spec/publish", json!({}));
    let publish = silent.spec.publish.unwrap();
    assert_eq!(
        (
            publish.persona_ref,
            publish.minimum_impact,
            publish.allow_private
        ),
        (None, 60, false)
    );
}

// FAULTS 40: what is wrong is refused with the sentence that mends it.
#[test]
fn a_wrong_achievement_is_refused_with_the_sentence_that_mends_it() {
    let cases: &[(Achievement, &str, Value, &str)] = &[
        (
            declared(),
            "/metadata/name",
            json!("a.b"),
            "may not hold a dot",
        ),
        (
            declared(),
            "/spec/facts/title",
            Value::Null,
            "needs facts.title",
        ),
        (
            declared(),
            "/spec/facts/completedAt",
            json!("2026-08-01T00:00:00Z"),
            "must not be before facts.startedAt",
        ),
        (
            declared(),
            "/spec/source/number",
            json!(42),
            "belong to type GitHubPR",
        ),
        (
            declared(),
            "/spec/source/url",
            json!("ftp://wiki.example.com/x"),
            "http or https address",
        ),
        (
            declared(),
            "/spec/duplicateOf",
            json!("restore-drill"),
            "names the achievement itself",
        ),
        (
            collected(),
            "/spec/source/number",
            Value::Null,
            "needs repository and number",
        ),
        (
            collected(),
            "/spec/source/repository",
            Value::Null,
            "needs repository and number",
        ),
    ];
    for (good, pointer, value, sentence) in cases {
        assert_refused(with(good, pointer, value.clone()).validate_cel(), sentence);
    }
}

// FAULTS 42: the record is found by the source, so another source is another achievement.
#[test]
fn the_source_stands_and_all_else_may_change() {
    let before = collected();
    for (pointer, value) in [
        ("/spec/source/number", json!(43)),
        ("/spec/source/host", json!("git.acme.example")),
        (
            "/spec/source/url",
            json!("https://github.com/acme/shop/pull/42"),
        ),
    ] {
        assert_refused(
            with(&before, pointer, value).validate_cel_update(&before),
            "spec.source cannot change",
        );
    }
    let spoken = with(&before, "/spec/facts/title", json!("What it really was"));
    assert_eq!(
        sentences(spoken.validate_cel_update(&before)),
        Vec::<String>::new()
    );
    assert_eq!(
        sentences(before.validate_cel_update(&spoken)),
        Vec::<String>::new()
    );
}
