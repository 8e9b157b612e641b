#![allow(clippy::unwrap_used)]

use super::*;
use crate::prompt_template::validate::validate;
use backends::postgres::operator::prompts::{TrackRow, VersionRow};
use crds::find_condition;
use serde_json::{Value, json};

fn template(changes: Value) -> ValidatedTemplate {
    let mut spec = json!({
        "versions": [{ "name": "v1", "hook": "h", "body": "b" }],
        "tracks": [{ "name": "production", "version": "v1" }],
    });
    for (key, value) in changes.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let object = json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "PromptTemplate",
        "metadata": { "name": "launch", "namespace": "a", "uid": uuid::Uuid::from_u128(1), "generation": 5 },
        "spec": spec,
    });
    validate(&serde_json::from_value(object).unwrap()).unwrap()
}

fn applied() -> Applied {
    Applied {
        rows: TemplateRows {
            versions: vec![VersionRow {
                version: "v1".into(),
                digest: "d".into(),
                number: 1,
            }],
            tracks: vec![TrackRow {
                track: "production".into(),
                version: "v1".into(),
                digest: "d".into(),
                since: "2026-01-02T03:04:05Z".parse().unwrap(),
            }],
        },
        written: true,
        used_by: 2,
        ..Applied::default()
    }
}

fn states(status: &PromptTemplateStatus) -> Vec<String> {
    [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::Stalled,
    ]
    .into_iter()
    .map(|type_| {
        let condition = find_condition(&status.conditions, type_).unwrap();
        assert_eq!(condition.observed_generation, Some(5), "{type_}");
        format!("{} {}", condition.status, condition.reason)
    })
    .collect()
}

fn built(template: &ValidatedTemplate, applied: &Applied) -> PromptTemplateStatus {
    build(
        &PromptTemplateStatus::default(),
        template,
        applied,
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_template_whose_rows_stand_is_ready_and_says_what_is_in_force() {
    let status = built(&template(json!({})), &applied());
    assert_eq!(
        states(&status),
        ["True AllReady", "False AllReady", "False AllReady"]
    );
    assert_eq!(
        (
            status.observed_generation,
            status.version_count,
            status.used_by
        ),
        (Some(5), Some(1), Some(2))
    );
    assert_eq!(
        status.tracks[0].since.as_ref().unwrap().0.to_string(),
        "2026-01-02T03:04:05Z"
    );
}

#[test]
fn a_missing_reference_stalls_after_five_minutes_and_a_mistake_at_once() {
    let waiting = Problem::waiting(
        Reason::ConfigMapNotFound,
        "version \"v1\": create it".into(),
    );
    let person = Problem::of_person(Reason::PromptInvalid, "version \"v1\": mend it".into());
    let with = |problems: Vec<Problem>, waited| Applied {
        version_problems: problems,
        waiting_seconds: Some(waited),
        ..applied()
    };
    let early = built(&template(json!({})), &with(vec![waiting.clone()], 299.0));
    assert_eq!(
        states(&early),
        [
            "False ConfigMapNotFound",
            "True ConfigMapNotFound",
            "False ConfigMapNotFound"
        ]
    );
    let late = built(&template(json!({})), &with(vec![waiting.clone()], 300.0));
    assert_eq!(
        states(&late)[1..],
        ["False ConfigMapNotFound", "True ConfigMapNotFound"]
    );
    let mistake = built(&template(json!({})), &with(vec![waiting, person], 1.0));
    assert_eq!(
        states(&mistake),
        [
            "False PromptInvalid",
            "False PromptInvalid",
            "True PromptInvalid"
        ]
    );
    assert_eq!(mistake.versions.len(), 1, "what was good stays shown");
}

#[test]
fn suspended_paused_and_reported_drift_are_told_apart() {
    let suspended = built(&template(json!({ "suspend": true })), &applied());
    assert_eq!(
        states(&suspended),
        ["True Suspended", "False Suspended", "False Suspended"]
    );
    let paused = built(
        &template(json!({})),
        &Applied {
            paused: true,
            ..applied()
        },
    );
    assert_eq!(states(&paused)[0], "True Paused");
    let drifted = Applied {
        drift: Some("gone".into()),
        written: false,
        ..applied()
    };
    let reported = built(&template(json!({ "driftPolicy": "Report" })), &drifted);
    assert_eq!(states(&reported)[0], "False DriftReported");
    assert!(crds::is_true(&reported.conditions, ConditionType::Drifted));
    let repaired = built(
        &template(json!({})),
        &Applied {
            drift: Some("gone".into()),
            ..applied()
        },
    );
    assert_eq!(states(&repaired)[0], "True AllReady");
    assert_eq!(
        find_condition(&repaired.conditions, ConditionType::Drifted)
            .unwrap()
            .reason,
        "Repaired"
    );
}

#[test]
fn an_outage_is_no_stall() {
    let before = built(&template(json!({})), &applied());
    let status = build_unavailable(&before, Some(5), "Postgres: gone", Timestamp::UNIX_EPOCH);
    assert_eq!(
        states(&status),
        [
            "False DependencyUnavailable",
            "True DependencyUnavailable",
            "False DependencyUnavailable"
        ]
    );
    assert_eq!(status.versions, before.versions);
}
