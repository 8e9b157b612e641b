//! docs/api.md: a reference that is walked from the definitions.

mod fields;

use fields::{cell, text, write_fields};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;
use threads_crds::common::reasons::{CAUSES, OF_JOBS};
use threads_crds::{
    ConditionType, Reason, achievement, achievement_source, content_job, experiment, persona,
    prompt_template,
};

/// The whole reference in Markdown.
pub fn build_reference(definitions: &[CustomResourceDefinition]) -> String {
    let conditions = [
        persona::CONDITIONS,
        content_job::CONDITIONS,
        prompt_template::CONDITIONS,
        experiment::CONDITIONS,
        achievement::CONDITIONS,
        achievement_source::CONDITIONS,
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
    page += "\n## Reasons\n\nThe `reason` of a condition is one of these words. A *cause* is what somebody has to mend, or what is \
             waited for.\n\n| Reason | | Meaning |\n|---|---|---|\n";
    for reason in Reason::ALL {
        let cause = if CAUSES.contains(reason) { "cause" } else { "" };
        page += &format!("| `{reason}` | {cause} | {} |\n", cell(reason.meaning()));
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
        "\n### {} conditions\n\n| Condition | True means | Usual reasons |\n|---|---|---|\n",
        names.kind
    );
    for condition in conditions {
        page += &format!(
            "| `{condition}` | {} | {} |
",
            cell(condition.meaning()),
            usual_reasons(*condition, conditions)
        );
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

/// The usual reasons in one cell; where every cause may stand, they are not listed one by one.
fn usual_reasons(condition: ConditionType, of_kind: &[ConditionType]) -> String {
    let mut reasons = condition.reasons();
    if !of_kind.contains(&ConditionType::Finished) {
        reasons.retain(|reason| !OF_JOBS.contains(reason));
    }
    let any_cause = CAUSES.iter().all(|cause| reasons.contains(cause));
    let mut words: Vec<_> = reasons
        .iter()
        .filter(|reason| !(any_cause && CAUSES.contains(reason)))
        .map(|reason| format!("`{reason}`"))
        .collect();
    if any_cause {
        words.push("any [cause](#reasons)".to_owned());
    }
    words.join(", ")
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
