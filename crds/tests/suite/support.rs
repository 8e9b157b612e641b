//! Walking schemas, and asking the rules.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The schema of a definition's only version, as JSON.
pub fn schema_of(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(
        &crd.spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema,
    )
    .unwrap()
}

/// Visits every node of a schema with its path, for example `spec.versions[].name`.
pub fn visit(path: &str, node: &Value, look: &mut impl FnMut(&str, &Value)) {
    look(path, node);
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        visit(&format!("{path}.{name}"), property, look);
    }
    if node["items"].is_object() {
        visit(&format!("{path}[]"), &node["items"], look);
    }
    if node["additionalProperties"].is_object() {
        visit(&format!("{path}{{}}"), &node["additionalProperties"], look);
    }
}

/// A resource with one value changed: `pointer` is a JSON pointer; `null` removes.
pub fn with<T: Serialize + DeserializeOwned>(resource: &T, pointer: &str, value: Value) -> T {
    let mut json = serde_json::to_value(resource).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {pointer} to change"));
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), value) => drop(map.insert(key.to_owned(), value)),
        (Value::Array(list), value) => list[key.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{pointer} leads into {other}"),
    }
    serde_json::from_value(json).unwrap()
}

/// The sentences of the rules that failed, without their paths.
pub fn sentences(outcome: Result<(), kube::core::cel::ValidationErrors>) -> Vec<String> {
    outcome
        .err()
        .into_iter()
        .flat_map(|errors| errors.into_vec())
        .map(|error| error.message)
        .collect()
}

/// Asserts that exactly one rule failed, and that its sentence holds `fragment`.
#[track_caller]
pub fn assert_refused(outcome: Result<(), kube::core::cel::ValidationErrors>, fragment: &str) {
    let found = sentences(outcome);
    assert_eq!(
        found.len(),
        1,
        "expected one sentence with {fragment:?}, found {found:?}"
    );
    assert!(
        found[0].contains(fragment),
        "{:?} does not say {fragment:?}",
        found[0]
    );
}
