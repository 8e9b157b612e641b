//! What was stored under the first released definitions, as `tests/fixtures/first` holds them, is still valid and still whole.

use crate::{
    examples::read,
    support::{schema_of, sentences, visit},
};
use kube::core::cel::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use threads_crds::{ContentJob, Persona, PromptTemplate, definitions};

const FIRST: [&str; 3] = [
    include_str!("../fixtures/first/contentjobs.json"),
    include_str!("../fixtures/first/personas.json"),
    include_str!("../fixtures/first/prompttemplates.json"),
];
/// Bounds that may only grow, and bounds that may only fall.
const UPPER: [&str; 4] = ["maxLength", "maxItems", "maxProperties", "maximum"];
const LOWER: [&str; 4] = ["minLength", "minItems", "minProperties", "minimum"];

fn strings(node: &Value) -> BTreeSet<&str> {
    let list = node.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// What of `now` a value that `first` admitted could fail.
fn tightened(path: &str, first: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for key in ["type", "format", "pattern"] {
        if !now[key].is_null() && now[key] != first[key] {
            found.push(format!("{path}: {key} {} became {}", first[key], now[key]));
        }
    }
    for (keys, sign) in [(UPPER, 1.0), (LOWER, -1.0)] {
        for key in keys {
            let Some(bound) = now[key].as_f64() else {
                continue;
            };
            if first[key]
                .as_f64()
                .is_none_or(|old| sign * bound < sign * old)
            {
                found.push(format!("{path}: {key} {} became {bound}", first[key]));
            }
        }
    }
    let added = |key: &str| -> Vec<String> {
        strings(&now[key])
            .difference(&strings(&first[key]))
            .copied()
            .map(String::from)
            .collect()
    };
    found.extend(
        added("required")
            .iter()
            .map(|key| format!("{path}.{key} became required")),
    );
    if now["enum"].is_array() {
        let gone = strings(&first["enum"]);
        let gone = gone
            .difference(&strings(&now["enum"]))
            .copied()
            .collect::<Vec<_>>();
        if !gone.is_empty() || first["enum"].is_null() {
            found.push(format!("{path}: no longer one of its values: {gone:?}"));
        }
    }
    found
}

/// Nodes of a schema by path.
fn nodes(schema: &Value) -> BTreeMap<String, Value> {
    let mut nodes = BTreeMap::new();
    visit("", schema, &mut |path, node| {
        nodes.insert(path.to_owned(), node.clone());
    });
    nodes
}

/// What a schema refuses or drops that another one kept.
fn narrowed(first: &Value, now: &Value) -> Vec<String> {
    let now = nodes(now);
    let mut found = Vec::new();
    for (path, node) in nodes(first) {
        match now.get(&path) {
            None => found.push(format!("{path} is gone: what was stored there is dropped")),
            Some(now) => found.extend(tightened(&path, &node, now)),
        }
    }
    found
}

/// Issue 6, 1: no field is gone, narrower or newly required.
#[test]
fn every_field_of_the_first_definitions_is_kept() {
    for first in FIRST {
        let first: Value = serde_json::from_str(first).unwrap();
        let crd = definitions()
            .into_iter()
            .find(|crd| first["kind"] == crd.spec.names.kind.as_str())
            .unwrap();
        let served = crd
            .spec
            .versions
            .iter()
            .any(|version| version.served && first["version"] == version.name.as_str());
        assert!(served, "{} {}", first["kind"], first["version"]);
        assert_eq!(
            narrowed(&first["schema"], &schema_of(&crd)),
            Vec::<String>::new(),
            "{}",
            first["kind"]
        );
    }
}

#[test]
fn narrowing_is_noticed() {
    let first = json!({"type": "object", "properties": {
        "a": {"type": "string", "maxLength": 9, "enum": ["x", "y"]}, "b": {"type": "integer"}}});
    let now = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "maxLength": 8, "enum": ["x"]}}});
    assert_eq!(
        narrowed(&first, &now).len(),
        4,
        "{:?}",
        narrowed(&first, &now)
    );
    assert_eq!(narrowed(&first, &first), Vec::<String>::new());
}

/// Rules were added since, and none of them refuses what the first release's examples were.
#[test]
fn the_first_objects_keep_the_rules_of_today() {
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../fixtures/first/objects.yaml")).unwrap();
    for object in &objects {
        match object["kind"].as_str().unwrap() {
            "Persona" => drop(read::<Persona>(object)),
            "ContentJob" => drop(read::<ContentJob>(object)),
            "PromptTemplate" => drop(read::<PromptTemplate>(object)),
            other => panic!("the first release had no {other}"),
        }
        let crd = definitions()
            .into_iter()
            .find(|crd| object["kind"] == crd.spec.names.kind.as_str())
            .unwrap();
        let outcome = Validator::new().validate(&schema_of(&crd), object, None);
        assert_eq!(
            sentences(outcome),
            Vec::<String>::new(),
            "{}",
            object["metadata"]["name"]
        );
    }
    assert_eq!(objects.len(), 6);
}
