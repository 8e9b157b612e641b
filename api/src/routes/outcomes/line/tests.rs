#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use serde_json::json;

const POST: &str = "6f1d3c52-9a0e-5b7c-8d24-71e9b0a3c6f8";

fn read_one(line: &str) -> Result<Vec<Told>, String> {
    let mut out = Vec::new();
    read(7, line.as_bytes(), &mut out).map(|()| out)
}

#[test]
fn an_event_counts_once_where_it_has_no_value() {
    let told = read_one(&format!(
        r#"{{"eventId": "e1", "postId": "{POST}", "metric": "clicks", "at": "2026-11-23T10:00:00Z"}}"#
    ))
    .unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].line, told[0].value), (7, 1.0));
    assert_eq!(told[0].kind, Kind::Event("e1".into()));
    assert_eq!(told[0].subject, Subject::Post(POST.parse().unwrap()));
}

#[test]
fn a_snapshot_tells_each_of_its_totals() {
    let told = read_one(
        r#"{"externalId": "17", "at": "2026-11-23T10:00:00+01:00", "totals": {"likes": 4, "views": 120.0}}"#,
    )
    .unwrap();
    let shown: Vec<(&str, f64)> = told
        .iter()
        .map(|told| (told.metric.as_str(), told.value))
        .collect();
    assert_eq!(shown, [("likes", 4.0), ("views", 120.0)]);
    assert_eq!(told[0].at.to_rfc3339(), "2026-11-23T09:00:00+00:00");
}

/// FAULTS 40.
#[test]
fn what_is_no_outcome_is_refused_with_a_sentence() {
    let event = |change: serde_json::Value| {
        let mut line =
            json!({"eventId": "e", "postId": POST, "metric": "m", "at": "2026-11-23T10:00:00Z"});
        for (name, value) in change.as_object().unwrap() {
            line[name] = value.clone();
        }
        line.to_string()
    };
    for line in [
        String::new(),
        "null".into(),
        "[]".into(),
        "\"\u{0}\"".into(),
        "{".into(),
        "{}".into(),
        "NaN".into(),
        event(json!({"value": -1})),
        event(json!({"value": 1e13})),
        event(json!({"value": "1"})),
        event(json!({"value": []})),
        event(json!({})).replace("\"m\"", "\"m\", \"value\": NaN"),
        event(json!({})).replace("\"m\"", "\"m\", \"value\": 1e999"),
        event(json!({})).replace("\"m\"", "\"m\", \"metric\": \"m\""),
        event(json!({"at": "yesterday"})),
        event(json!({"at": 1_700_000_000})),
        event(json!({"at": null})),
        event(json!({"metric": ""})),
        event(json!({"metric": "1st"})),
        event(json!({"metric": "a b"})),
        event(json!({"metric": "m".repeat(64)})),
        event(json!({"metric": null})),
        event(json!({"eventId": ""})),
        event(json!({"eventId": "a\u{0}b"})),
        event(json!({"eventId": "x".repeat(201)})),
        event(json!({"eventId": "snapshot/1/m/2"})),
        event(json!({"eventId": null})),
        event(json!({"postId": "17"})),
        event(json!({"postId": null})),
        event(json!({"externalId": "17"})),
        event(json!({"participant": "p"})),
        event(json!({"postId": null, "participant": "p"})),
        event(json!({"postId": null, "participant": "p", "experiment": ""})),
        event(json!({"vlaue": 3})),
        event(json!({"totals": {"m": 1}})),
        json!({"postId": POST, "at": "2026-11-23T10:00:00Z", "totals": {}}).to_string(),
        json!({"postId": POST, "at": "2026-11-23T10:00:00Z", "totals": {"m": -1}}).to_string(),
        json!({"postId": POST, "at": "2026-11-23T10:00:00Z", "totals": {"m": 1}, "value": 1}).to_string(),
        json!({"participant": "p", "experiment": "e", "at": "2026-11-23T10:00:00Z", "totals": {"m": 1}}).to_string(),
    ] {
        let mut out = Vec::new();
        let refused = read(1, line.as_bytes(), &mut out).expect_err(&line);
        assert!(refused.len() > 8 && out.is_empty(), "{line}: {refused}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(1, &bytes, &mut Vec::new());
    }

    #[test]
    fn whatever_is_read_is_within_bounds(
        id in ".{0,210}", metric in "[a-zA-Z0-9_.:-]{0,70}", value in any::<f64>(), seconds in any::<i32>(),
    ) {
        let at = DateTime::from_timestamp(i64::from(seconds), 0).unwrap();
        let line = json!({"eventId": id, "externalId": "x", "metric": metric, "value": value, "at": at}).to_string();
        let mut out = Vec::new();
        if read(1, line.as_bytes(), &mut out).is_ok() {
            prop_assert_eq!(out.len(), 1);
            prop_assert!(out[0].value >= 0.0 && out[0].value <= MAX_VALUE);
            prop_assert!(!out[0].metric.is_empty() && out[0].metric.len() <= MAX_NAME);
            prop_assert_eq!(out[0].at, at);
            prop_assert_eq!(&out[0].kind, &Kind::Event(id));
        } else {
            prop_assert!(out.is_empty());
        }
    }
}
