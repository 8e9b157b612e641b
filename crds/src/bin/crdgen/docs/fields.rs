//! The fields of a schema as rows of a table.

use serde_json::Value;
use std::fmt::Write;

/// One row a field, depth first, children after their parent.
pub fn write_fields(page: &mut String, path: &str, node: &Value) {
    let required: Vec<_> = node["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let star = if required.contains(&name.as_str()) {
            "*"
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| `{path}`{star} | {} | {} | {} | {} |",
            type_of(field),
            default_of(field),
            cell(&bounds_of(field)),
            cell(&text(field))
        );
        // Conditions are Kubernetes' own shape, and explained by their types below.
        if name != "conditions" {
            write_fields(page, &path, field);
            write_fields(page, &format!("{path}[]"), &field["items"]);
        }
    }
}

fn type_of(field: &Value) -> String {
    let name = |node: &Value| match (node["type"].as_str(), node["format"].as_str()) {
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some(name), _) => name.to_owned(),
        (None, _) => "quantity".to_owned(),
    };
    match field["type"].as_str() {
        Some("array") => format!("list of {}", name(&field["items"])),
        Some("object") if field["additionalProperties"].is_object() => {
            format!("map to {}", name(&field["additionalProperties"]))
        }
        _ => name(field),
    }
}

/// The default of a leaf; that of an object is told by its fields.
fn default_of(field: &Value) -> String {
    match &field["default"] {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn bounds_of(field: &Value) -> String {
    let mut bounds = Vec::new();
    let mut range = |low: &Value, high: &Value, unit: &str| match (low.as_f64(), high.as_f64()) {
        (Some(low), Some(high)) if low == high => bounds.push(format!("{high}{unit}")),
        (Some(low), Some(high)) => bounds.push(format!("{low} to {high}{unit}")),
        (None, Some(high)) => bounds.push(format!("at most {high}{unit}")),
        (Some(low), None) => bounds.push(format!("at least {low}{unit}")),
        (None, None) => {}
    };
    range(&field["minimum"], &field["maximum"], "");
    range(&field["minLength"], &field["maxLength"], " characters");
    range(&field["minItems"], &field["maxItems"], " entries");
    range(&field["minProperties"], &field["maxProperties"], " entries");
    let words = if field["items"]["enum"].is_array() {
        &field["items"]["enum"]
    } else {
        &field["enum"]
    };
    let words: Vec<_> = words
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|word| format!("`{word}`"))
        .collect();
    if !words.is_empty() {
        bounds.push(words.join(", "));
    }
    if let Some(pattern) = field["pattern"].as_str() {
        bounds.push(format!("`{pattern}`"));
    }
    bounds.join("; ")
}

pub fn text(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().to_owned()
}

/// A text that may stand in a cell of a table.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
