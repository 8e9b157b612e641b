//! Schema fragments that a derive cannot give: bounded maps, Kubernetes' own types with bounds, timestamps.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{Schema, SchemaGenerator, json_schema};

/// At most 20 labels of a Pod or node: keys with an optional DNS prefix, values of at most 63 characters.
pub fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": {
            "type": "string", "maxLength": 63, "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        },
    })
}

/// At most 50 values of template variables, each of at most 4096 characters.
pub fn variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": { "type": "string", "maxLength": 4096 },
    })
}

/// Kubernetes' resource requests and limits, without claims, at most ten of each.
pub fn resources(_: &mut SchemaGenerator) -> Schema {
    let quantities = |description: &str| {
        json_schema!({
            "description": description,
            "type": "object",
            "maxProperties": 10,
            "additionalProperties": {
                "x-kubernetes-int-or-string": true,
                "anyOf": [{ "type": "integer" }, { "type": "string" }],
                "maxLength": 32,
                "pattern": r"^[0-9]+(\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
            },
        })
    };
    json_schema!({
        "type": "object",
        "properties": {
            "requests": quantities("What the scheduler sets aside, for example `{cpu: 100m, memory: 64Mi}`."),
            "limits": quantities("What a worker may use at most, for example `{memory: 128Mi}`."),
        },
    })
}

/// Kubernetes' tolerations, at most 20.
pub fn tolerations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 20,
        "x-kubernetes-list-type": "atomic",
        "items": {
            "type": "object",
            "properties": {
                "key": { "description": "Key of the taint; empty with operator Exists tolerates all.",
                    "type": "string", "maxLength": 316 },
                "operator": { "description": "Exists tolerates any value, Equal (the default) the one given.",
                    "type": "string", "enum": ["Exists", "Equal"] },
                "value": { "description": "Value of the taint.", "type": "string", "maxLength": 63 },
                "effect": { "description": "Effect that is tolerated; absent tolerates all.",
                    "type": "string", "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"] },
                "tolerationSeconds": { "description": "Seconds that a NoExecute taint is tolerated; absent means for ever.",
                    "type": "integer", "format": "int64", "minimum": 0, "maximum": 31_536_000 },
            },
        },
    })
}

/// A moment in time, RFC 3339.
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// Makes a derived definition fit to be installed.
///
/// The derive marks every optional field `nullable`. With the mark, an explicit null is stored and a rule's `has()` sees it;
/// without, the API server drops the null before rules and defaults look. Line ends inside a paragraph of a doc comment are
/// those of the source, so they become blanks and `kubectl explain` wraps as wide as the terminal is.
#[must_use]
pub fn finish(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            finish_node(schema);
        }
    }
    crd
}

fn finish_node(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(words) = &mut schema.enum_ {
        words.retain(|word| !word.0.is_null());
    }
    if let Some(text) = &mut schema.description {
        *text = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "))
            .collect::<Vec<_>>()
            .join("\n\n");
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        finish_node(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        finish_node(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        finish_node(values);
    }
}
