//! A definition as a Helm template.

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// The definition in YAML, guarded by `crds.enabled`, kept on uninstall where `crds.keep` says so.
///
/// What looks like a template action in a description is escaped, so that Helm prints it as it is.
pub fn build_template(crd: &CustomResourceDefinition) -> Result<String> {
    let mut value =
        serde_json::to_value(crd).with_context(|| format!("reading {:?}", crd.metadata.name))?;
    write_whole_numbers(&mut value);
    let yaml = serde_saphyr::to_string(&value)
        .with_context(|| format!("writing {:?} as YAML", crd.metadata.name))?;
    let yaml = yaml.replace("{{", "{{ \"{{\" }}");
    let body = yaml.replacen("metadata:\n", METADATA, 1);
    Ok(format!("{HEAD}{body}{FOOT}"))
}

/// Bounds are floating-point numbers in Kubernetes' types; ours are whole and should read so.
fn write_whole_numbers(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(write_whole_numbers),
        Value::Array(list) => list.iter_mut().for_each(write_whole_numbers),
        Value::Number(number) => {
            if let Some(whole) = number
                .as_f64()
                .filter(|number| number.fract() == 0.0 && number.abs() < 1e16)
            {
                *value = Value::from(whole as i64);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

const HEAD: &str = "\
{{- /* Generated from crds/ by `cargo xtask gen`; change the Rust types, not this file. */ -}}
{{- if .Values.crds.enabled }}
";

const METADATA: &str = r#"metadata:
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
  labels:
    {{- include "threads-agent.labels" . | nindent 4 }}
"#;

const FOOT: &str = "{{- end }}\n";
