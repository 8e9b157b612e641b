use crate::support::{assert_refused, sentences, with};
use serde_json::{Value, json};
use threads_crds::AchievementSource;

fn source() -> AchievementSource {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "AchievementSource",
        "metadata": { "name": "shop" },
        "spec": { "github": { "owner": "acme", "repository": "shop" }, "webhook": { "secretRef": { "name": "hook" } } },
    }))
    .unwrap()
}

#[test]
fn a_source_needs_no_more_than_its_repository() {
    assert_eq!(sentences(source().validate_cel()), Vec::<String>::new());
    let spec = source().spec;
    assert_eq!(spec.github.api_base_url, "https://api.github.com");
    assert_eq!(spec.webhook.unwrap().secret_ref.keys, ["webhook-secret"]);
    assert_eq!(
        (spec.resources, spec.backfill.seconds()),
        (20, Some(21_600))
    );
}

// FAULTS 40: what is wrong is refused with the sentence that mends it.
#[test]
fn a_wrong_source_is_refused_with_the_sentence_that_mends_it() {
    let cases: &[(&str, Value, &str)] = &[
        ("/metadata/name", json!("a.b"), "may not hold a dot"),
        (
            "/spec/github/apiBaseUrl",
            json!("https://me:token@api.github.com"),
            "without user",
        ),
        (
            "/spec/backfill",
            json!({ "every": "4m" }),
            "between 5m and 30d",
        ),
        (
            "/spec/backfill",
            json!({ "every": "31d" }),
            "between 5m and 30d",
        ),
    ];
    for (path, value, sentence) in cases {
        assert_refused(
            with(&source(), path, value.clone()).validate_cel(),
            sentence,
        );
    }
    let moved = with(&source(), "/spec/github/repository", json!("other"));
    assert_refused(
        moved.validate_cel_update(&source()),
        "create an AchievementSource with another name",
    );
}

#[test]
fn intervals_are_read_or_refused() {
    let seconds = |every: &str| {
        with(&source(), "/spec/backfill", json!({ "every": every }))
            .spec
            .backfill
            .seconds()
    };
    assert_eq!(seconds("5m"), Some(300));
    assert_eq!(seconds("30d"), Some(2_592_000));
    for wrong in ["4m", "31d", "5", "h", "1w", "99999d"] {
        assert_eq!(seconds(wrong), None, "{wrong}");
    }
}
