#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::{Value, json};

fn read(map: Value) -> Result<String, Reason> {
    let map: Option<ConfigMap> = serde_json::from_value(map).unwrap();
    read_input(map.as_ref(), "notes", "text").map_err(|obstacle| {
        assert!(obstacle.message.contains("notes"), "{}", obstacle.message);
        obstacle.reason
    })
}

#[test]
fn a_text_in_a_config_map_is_taken_or_the_reason_is_named() {
    let long = "x".repeat(16_385);
    for (map, expected) in [
        (
            json!({ "data": { "text": "The launch" } }),
            Ok("The launch".to_owned()),
        ),
        (json!(null), Err(Reason::ConfigMapNotFound)),
        (
            json!({ "data": { "other": "x" } }),
            Err(Reason::ConfigMapKeyMissing),
        ),
        (
            json!({ "binaryData": { "text": "/w==" } }),
            Err(Reason::InputInvalid),
        ),
        (json!({ "data": { "text": "" } }), Err(Reason::InputInvalid)),
        (
            json!({ "data": { "text": long } }),
            Err(Reason::InputInvalid),
        ),
        (
            json!({ "data": { "text": "a\u{0}b" } }),
            Err(Reason::InputInvalid),
        ),
    ] {
        assert_eq!(read(map), expected);
    }
}
