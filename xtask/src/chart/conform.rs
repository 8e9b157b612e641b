//! Every rendering against the schemas of Kubernetes, by kubeconform: a field that does not exist, or a value of the wrong
//! type, is an error. The schemas are made of the OpenAPI document in the sources of Kubernetes.

use super::{render, renders::CASES};
use crate::{
    native::build::{self, CHART},
    progress::Step,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Kinds that belong to others, whose schemas Kubernetes does not have.
const FOREIGN: &str = "ServiceMonitor,PodMonitor,PrometheusRule";

/// Builds kubeconform and the schemas where they are missing.
pub fn prepare(step: &Step) -> Result<PathBuf> {
    CHART.ensure(step)?;
    let schemas = CHART.bin().join(format!("schemas-{}", build::KUBERNETES));
    if schemas.is_dir() {
        return Ok(schemas);
    }
    step.say("schemas of Kubernetes");
    let document = build::sources_of("kubernetes", "k8s.io/kubernetes", step)?
        .join("api/openapi-spec/swagger.json");
    let document: Value = serde_json::from_slice(&fs::read(&document).context("swagger.json")?)?;
    let half = schemas.with_extension("half");
    let _ = fs::remove_dir_all(&half);
    fs::create_dir_all(&half)?;
    write_schemas(&document, &half)?;
    Ok(fs::rename(&half, &schemas).map(|()| schemas)?)
}

/// One file a kind, which refers to the file of all definitions.
fn write_schemas(document: &Value, folder: &Path) -> Result<()> {
    let mut definitions = document["definitions"].clone();
    let all = definitions.as_object_mut().context("definitions")?;
    for (name, definition) in all.iter_mut() {
        strict(name, definition);
        let kinds = definition["x-kubernetes-group-version-kind"].as_array();
        for kind in kinds.into_iter().flatten() {
            let word = |field: &str| kind[field].as_str().unwrap_or_default().to_lowercase();
            let group = word("group");
            let group = group.split('.').next().unwrap_or_default();
            let suffix = [group, &word("version")].join("-");
            let file = format!("{}-{}.json", word("kind"), suffix.trim_start_matches('-'));
            let refers = json!({ "$ref": format!("definitions.json#/definitions/{name}") });
            fs::write(folder.join(file), refers.to_string())?;
        }
    }
    let definitions = json!({ "definitions": definitions });
    Ok(fs::write(
        folder.join("definitions.json"),
        definitions.to_string(),
    )?)
}

/// What the document leaves open is closed: no field beside those that are named.
fn strict(name: &str, definition: &mut Value) {
    if name.ends_with("IntOrString") || name.ends_with("resource.Quantity") {
        *definition = json!({ "type": ["string", "number"] });
    } else if definition["properties"].is_object() {
        definition["additionalProperties"] = json!(false);
    }
}

/// Fails with what kubeconform says of a rendering.
pub fn all(schemas: &Path) -> Result<()> {
    for (values, name) in CASES {
        let rendered = render(values)?;
        let location = schemas.join("{{.ResourceKind}}{{.KindSuffix}}.json");
        let mut child = Command::new(CHART.bin().join("kubeconform"))
            .args(["-strict", "-summary", "-skip", FOREIGN])
            .arg("-schema-location")
            .arg(location)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting kubeconform")?;
        let mut input = child.stdin.take().context("its input")?;
        let writer = std::thread::spawn(move || input.write_all(rendered.as_bytes()));
        let done = child.wait_with_output()?;
        let _ = writer.join();
        let said = String::from_utf8_lossy(&done.stdout);
        ensure!(done.status.success(), "{name}: {said}");
        println!("{name}: {}", said.trim());
    }
    Ok(())
}
