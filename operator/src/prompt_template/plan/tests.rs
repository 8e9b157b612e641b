#![allow(clippy::unwrap_used)]

use super::*;
use crate::prompt_template::validate::validate;
use backends::postgres::operator::prompts::TrackRow;
use chrono::{DateTime, Utc};
use crds::prompt_template::{TrackStatus, VersionStatus};
use serde_json::{Value, json};

fn template(spec: Value) -> ValidatedTemplate {
    let object = serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
        "metadata": { "name": "launch", "namespace": "a", "uid": uuid::Uuid::from_u128(1), "generation": 2 },
        "spec": spec,
    }));
    validate(&object.unwrap()).unwrap()
}

fn source(hook: &str) -> PromptSource {
    PromptSource {
        system: String::new(),
        hook: hook.into(),
        body: "b".into(),
    }
}

fn row(version: &str, hook: &str, number: i32) -> VersionRow {
    VersionRow {
        version: version.into(),
        digest: version_digest("launch", &source(hook)),
        number,
    }
}

fn track(name: &str, version: &str, digest: &str) -> TrackRow {
    TrackRow {
        track: name.into(),
        version: version.into(),
        digest: digest.into(),
        since: DateTime::<Utc>::UNIX_EPOCH,
    }
}

fn two_versions(second_hook: &str) -> ValidatedTemplate {
    template(json!({
        "versions": [{ "name": "v1", "hook": "one", "body": "b" }, { "name": "v2", "hook": second_hook, "body": "b" }],
        "tracks": [{ "name": "production", "version": "v1" }, { "name": "canary", "version": "v2" }],
    }))
}

#[test]
fn versions_that_parse_are_written_and_tracks_name_them() {
    let plan = plan(&two_versions("two"), &Observed::default());
    assert!(plan.write && plan.version_problems.is_empty() && plan.track_problems.is_empty());
    assert_eq!(plan.versions.len(), 2);
    assert_eq!(
        plan.tracks[1].digest,
        version_digest("launch", &source("two"))
    );
}

/// A version that does not parse is told with version, part and line; the other one is served.
#[test]
fn a_version_that_does_not_parse_keeps_nobody_else_from_working() {
    let plan = plan(&two_versions("first line\n{% if %}"), &Observed::default());
    assert_eq!(
        plan.versions
            .iter()
            .map(|version| version.name.as_str())
            .collect::<Vec<_>>(),
        ["v1"]
    );
    let problem = &plan.version_problems[0];
    assert_eq!(
        (problem.reason, problem.waits),
        (Reason::PromptInvalid, false)
    );
    for word in ["v2", "hook", "line 2"] {
        assert!(
            problem.message.contains(word),
            "{word} is not in {:?}",
            problem.message
        );
    }
    assert_eq!(
        plan.tracks
            .iter()
            .map(|track| track.name.as_str())
            .collect::<Vec<_>>(),
        ["production"]
    );
    assert!(plan.track_problems[0].message.contains("canary"));
}

/// FAULTS 40: the last good state stays.
#[test]
fn a_track_keeps_what_was_last_good() {
    let rows = TemplateRows {
        versions: vec![row("v1", "one", 1), row("v2", "two", 2)],
        tracks: vec![track("canary", "v2", &row("v2", "two", 2).digest)],
    };
    let broken = plan(
        &two_versions("{% if %}"),
        &Observed {
            rows,
            ..Observed::default()
        },
    );
    assert!(broken.track_problems.is_empty());
    assert_eq!(broken.tracks[1].digest, row("v2", "two", 2).digest);

    // The version is new and broken, but the track stood on another one.
    let rows = TemplateRows {
        versions: vec![row("v1", "one", 1)],
        tracks: vec![track("canary", "v1", "one-digest")],
    };
    let moved = plan(
        &two_versions("{% if %}"),
        &Observed {
            rows,
            ..Observed::default()
        },
    );
    assert_eq!(
        (
            moved.tracks[1].version.as_str(),
            moved.tracks[1].digest.as_str()
        ),
        ("v1", "one-digest")
    );
}

#[test]
fn a_config_map_is_waited_for_and_may_not_change_a_version() {
    let wanted = template(json!({
        "versions": [{ "name": "v1", "hookFrom": { "name": "texts", "key": "hook" }, "body": "b" }],
        "tracks": [{ "name": "production", "version": "v1" }],
    }));
    let observed = |text: Result<String, Problem>, rows| Observed {
        rows,
        texts: [(("texts".to_owned(), "hook".to_owned()), text)].into(),
        ..Observed::default()
    };
    let missing = Problem::waiting(
        Reason::ConfigMapNotFound,
        "ConfigMap \"texts\" does not exist".into(),
    );
    let waiting = plan(&wanted, &observed(Err(missing), TemplateRows::default()));
    assert!(
        waiting.version_problems[0].waits
            && waiting.version_problems[0]
                .message
                .starts_with("version \"v1\": ")
    );

    let first = plan(
        &wanted,
        &observed(Ok("one".into()), TemplateRows::default()),
    );
    assert_eq!(first.versions[0].digest, row("v1", "one", 1).digest);

    let rows = TemplateRows {
        versions: vec![row("v1", "one", 1)],
        tracks: vec![],
    };
    let changed = plan(&wanted, &observed(Ok("two".into()), rows.clone()));
    assert_eq!(changed.version_problems[0].reason, Reason::VersionChanged);
    assert_eq!(
        changed.tracks[0].digest,
        row("v1", "one", 1).digest,
        "what was first read stays in use"
    );
    assert!(
        plan(&wanted, &observed(Ok("one".into()), rows))
            .version_problems
            .is_empty()
    );
}

#[test]
fn two_templates_with_the_same_texts_have_versions_of_their_own() {
    assert_ne!(
        version_digest("launch", &source("one")),
        version_digest("other", &source("one"))
    );
    assert_eq!(version_digest("launch", &source("one")).len(), 64);
}

#[test]
fn rows_that_are_gone_are_drift_and_report_leaves_them() {
    let digest = row("v1", "one", 1).digest;
    let seen = PromptTemplateStatus {
        versions: vec![VersionStatus {
            name: "v1".into(),
            digest: digest.clone(),
            number: 1,
        }],
        tracks: vec![TrackStatus {
            name: "production".into(),
            version: "v1".into(),
            digest: digest.clone(),
            managed: false,
            by: Some("spec".into()),
            since: None,
        }],
        ..PromptTemplateStatus::default()
    };
    let spec = |policy: &str| {
        template(json!({
            "versions": [{ "name": "v1", "hook": "one", "body": "b" }],
            "tracks": [{ "name": "production", "version": "v1" }], "driftPolicy": policy,
        }))
    };
    let gone = Observed {
        seen: Some(seen.clone()),
        ..Observed::default()
    };
    let repaired = plan(&spec("Repair"), &gone);
    assert!(
        repaired.write
            && repaired
                .drift
                .unwrap()
                .contains("version \"v1\" is missing")
    );
    assert!(!plan(&spec("Report"), &gone).write);

    let rows = TemplateRows {
        versions: vec![row("v1", "one", 1)],
        tracks: vec![track("production", "v1", &digest)],
    };
    assert_eq!(
        plan(
            &spec("Repair"),
            &Observed {
                rows,
                seen: Some(seen),
                ..Observed::default()
            }
        )
        .drift,
        None
    );
}

#[test]
fn a_suspended_template_writes_nothing() {
    let plan = plan(
        &template(
            json!({ "versions": [{ "name": "v1", "hook": "{% if %}", "body": "b" }], "suspend": true }),
        ),
        &Observed::default(),
    );
    assert_eq!(plan, Plan::default());
}

fn promoted(track: &str, version: &str, digest: &str, experiment: &str) -> PromotedVersion {
    PromotedVersion {
        track: track.into(),
        version: version.into(),
        digest: digest.into(),
        experiment: experiment.into(),
    }
}

/// The newest promotion of a version that still stands moves a managed track, and no other one.
#[test]
fn promotions_move_managed_tracks_alone() {
    let managed = json!({ "name": "production", "managed": { "initial": "v1" } });
    let fixed = json!({ "name": "production", "version": "v1" });
    let two = row("v2", "two", 2).digest;
    let cases = [
        ("nothing was promoted", &managed, vec![], "v1", "spec"),
        (
            "the winner",
            &managed,
            vec![promoted("production", "v2", &two, "hooks")],
            "v2",
            "experiment/hooks",
        ),
        (
            "the newest of two",
            &managed,
            vec![
                promoted("production", "v1", &row("v1", "one", 1).digest, "back"),
                promoted("production", "v2", &two, "hooks"),
            ],
            "v1",
            "experiment/back",
        ),
        (
            "the newest is of a version that is gone",
            &managed,
            vec![
                promoted("production", "v3", "three", "later"),
                promoted("production", "v2", &two, "hooks"),
            ],
            "v2",
            "experiment/hooks",
        ),
        (
            "the version was made again with another text",
            &managed,
            vec![promoted("production", "v2", "other text", "hooks")],
            "v1",
            "spec",
        ),
        (
            "of another track",
            &managed,
            vec![promoted("canary", "v2", &two, "hooks")],
            "v1",
            "spec",
        ),
        (
            "the spec's own version always wins",
            &fixed,
            vec![promoted("production", "v2", &two, "hooks")],
            "v1",
            "spec",
        ),
    ];
    for (case, track, promoted, version, by) in cases {
        let wanted = template(json!({
            "versions": [{ "name": "v1", "hook": "one", "body": "b" }, { "name": "v2", "hook": "two", "body": "b" }],
            "tracks": [track],
        }));
        let observed = Observed {
            promoted,
            ..Observed::default()
        };
        let plan = plan(&wanted, &observed);
        assert_eq!(plan.tracks[0].version, version, "{case}");
        let word = &plan.words[0];
        assert_eq!(
            (word.version.as_str(), word.by.as_str()),
            (version, by),
            "{case}"
        );
    }
}

/// FAULTS 40: a promoted version that cannot be read now stays promoted, by its row.
#[test]
fn a_promoted_version_whose_text_cannot_be_read_stays_in_force() {
    let wanted = template(json!({
        "versions": [{ "name": "v1", "hook": "one", "body": "b" },
            { "name": "v2", "hookFrom": { "name": "texts", "key": "hook" }, "body": "b" }],
        "tracks": [{ "name": "production", "managed": { "initial": "v1" } }],
    }));
    let rows = TemplateRows {
        versions: vec![row("v1", "one", 1), row("v2", "two", 2)],
        tracks: vec![],
    };
    let plan = plan(
        &wanted,
        &Observed {
            promoted: vec![promoted(
                "production",
                "v2",
                &row("v2", "two", 2).digest,
                "hooks",
            )],
            rows,
            ..Observed::default()
        },
    );
    assert_eq!(plan.tracks[0].digest, row("v2", "two", 2).digest);
}
