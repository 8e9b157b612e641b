//! docs/api.md: a reference that is walked from the definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;
use std::fmt::Write;
use threads_crds::{ConditionType, Reason, content_job, persona, prompt_template};

/// The whole reference in Markdown.
pub fn build_reference(definitions: &[CustomResourceDefinition]) -> String {
    let conditions = [
        persona::CONDITIONS,
        content_job::CONDITIONS,
        prompt_template::CONDITIONS,
    ];
    let mut page = String::from(HEAD);
    for crd in definitions {
        let kind = &crd.spec.names.kind;
        page += &format!("- [{kind}](#{})\n", kind.to_lowercase());
    }
    page += "- [Reasons](#reasons)\n";
    for (crd, conditions) in definitions.iter().zip(conditions) {
        page += &build_kind(crd, conditions);
    }
    page += "\n## Reasons\n\nThe `reason` of a condition is one of these words.\n\n| Reason | Meaning |\n|---|---|\n";
    for reason in Reason::ALL {
        page += &format!("| `{reason}` | {} |\n", cell(reason.meaning()));
    }
    page
}

const HEAD: &str = "\
<!-- Generated from crds/ by `cargo xtask gen`; change the Rust types, not this file. -->
# API reference

Group `threads-agent.io`, version `v1alpha1`. All kinds live in a namespace and share the category `threads`
(`kubectl get threads`). `kubectl explain persona.spec` shows the same texts. A field marked * is required. A field of a
list's items is written `list[].field`. Fractions are basis points: 10000 is 1. Lengths are counted in characters.

";

fn build_kind(crd: &CustomResourceDefinition, conditions: &[ConditionType]) -> String {
    let names = &crd.spec.names;
    let version = &crd.spec.versions[0];
    let schema = serde_json::to_value(
        version
            .schema
            .as_ref()
            .and_then(|schema| schema.open_api_v3_schema.as_ref()),
    )
    .unwrap_or(Value::Null);
    let mut page = format!(
        "\n## {}\n\n{}\n\n",
        names.kind,
        text(&schema["properties"]["spec"])
    );
    page += &format!(
        "Short name `{}`, plural `{}`.",
        names
            .short_names
            .iter()
            .flatten()
            .next()
            .map_or("", |name| name),
        names.plural
    );
    let fields: Vec<_> = version
        .selectable_fields
        .iter()
        .flatten()
        .map(|field| format!("`{}`", &field.json_path[1..]))
        .collect();
    if !fields.is_empty() {
        page += &format!(" Field selectors: {}.", fields.join(", "));
    }
    if let Some(scale) = version
        .subresources
        .as_ref()
        .and_then(|subresources| subresources.scale.as_ref())
    {
        page += &format!(
            " `kubectl scale` sets `{}`.",
            &scale.spec_replicas_path[1..]
        );
    }
    for part in ["spec", "status"] {
        page += &format!(
            "\n\n### {} {part}\n\n| Field | Type | Default | Bounds | Meaning |\n|---|---|---|---|---|\n",
            names.kind
        );
        write_fields(&mut page, "", &schema["properties"][part]);
    }
    page += &format!(
        "\n### {} conditions\n\n| Condition | True means |\n|---|---|\n",
        names.kind
    );
    for condition in conditions {
        page += &format!("| `{condition}` | {} |\n", cell(condition.meaning()));
    }
    page += &format!("\n### {} rules\n\nRefused at admission:\n\n", names.kind);
    let mut rules = Vec::new();
    collect_rules(names.kind.as_str(), "", &schema, &mut rules);
    for (path, message) in rules {
        page += &format!("- `{path}`: {message}.\n");
    }
    page += &format!(
        "\n### {} columns\n\n| Column | Shows | |\n|---|---|---|\n",
        names.kind
    );
    for column in version.additional_printer_columns.iter().flatten() {
        let wide = if column.priority.unwrap_or(0) > 0 {
            "with `-o wide`"
        } else {
            ""
        };
        page += &format!(
            "| {} | {} | {wide} |\n",
            column.name,
            cell(column.description.as_deref().unwrap_or_default())
        );
    }
    page
}

/// One row a field, depth first, children after their parent.
fn write_fields(page: &mut String, path: &str, node: &Value) {
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

/// The messages of all rules with the path of their node.
fn collect_rules(root: &str, path: &str, node: &Value, rules: &mut Vec<(String, String)>) {
    for rule in node["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let place = if path.is_empty() {
            root.to_owned()
        } else {
            path.to_owned()
        };
        rules.push((
            place,
            rule["message"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        collect_rules(root, &path, property, rules);
    }
    if node["items"].is_object() {
        collect_rules(root, &format!("{path}[]"), &node["items"], rules);
    }
}

fn text(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().to_owned()
}

/// A text that may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
