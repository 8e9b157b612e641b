//! Every flow of chart/ci/flows.yaml is decided from the policies that the chart renders.

use super::{
    folder,
    policies::{End, Labels, passes},
    render,
};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fs};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The values file whose rendering is looked at.
    values: String,
    namespaces: BTreeMap<String, Labels>,
    ends: BTreeMap<String, Place>,
    flows: Vec<Flow>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Place {
    Pod {
        namespace: String,
        labels: Labels,
    },
    /// Pods of a Deployment that the chart renders: their labels are those of its template.
    Deployment {
        deployment: String,
    },
    Address {
        address: std::net::Ipv4Addr,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flow {
    from: String,
    to: String,
    port: u64,
    #[serde(default = "tcp")]
    protocol: String,
    allowed: bool,
    #[expect(dead_code, reason = "for those who read the table")]
    why: String,
}

fn tcp() -> String {
    "TCP".into()
}

/// Fails with every flow that is decided otherwise than the table says.
pub fn decide() -> Result<()> {
    let text = fs::read_to_string(folder().join("ci/flows.yaml")).context("chart/ci/flows.yaml")?;
    let table: Table = serde_saphyr::from_str(&text).context("chart/ci/flows.yaml")?;
    let rendered = render(&table.values)?;
    let objects = objects(&rendered)?;
    let policies: Vec<Value> = of_kind(&objects, "NetworkPolicy").cloned().collect();
    ensure!(!policies.is_empty(), "{} renders no policy", table.values);
    let mut wrong = Vec::new();
    for flow in &table.flows {
        let from = end(&table, &objects, &flow.from)?;
        let to = end(&table, &objects, &flow.to)?;
        let decided = passes(&policies, &from, &to, flow.port, &flow.protocol)?;
        if decided != flow.allowed {
            let word = if decided { "passes" } else { "is denied" };
            wrong.push(format!(
                "{} → {}:{}/{} {word}",
                flow.from, flow.to, flow.port, flow.protocol
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    println!(
        "{} flows decided as chart/ci/flows.yaml says",
        table.flows.len()
    );
    Ok(())
}

/// The objects of a rendering.
fn objects(rendered: &str) -> Result<Vec<Value>> {
    rendered
        .split("\n---\n")
        .filter(|document| document.contains("\nkind: ") || document.starts_with("kind: "))
        .filter(|document| !document.contains("\nkind: CustomResourceDefinition\n"))
        .map(|document| serde_saphyr::from_str(document).context("a rendered object"))
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |it| it["kind"] == kind)
}

fn end(table: &Table, objects: &[Value], name: &str) -> Result<End> {
    let place = table
        .ends
        .get(name)
        .with_context(|| format!("no end is named {name}"))?;
    let (namespace, labels) = match place {
        Place::Address { address } => return Ok(End::Address(*address)),
        Place::Pod { namespace, labels } => (namespace.clone(), labels.clone()),
        Place::Deployment { deployment } => {
            let found = of_kind(objects, "Deployment")
                .find(|it| it["metadata"]["name"] == deployment.as_str())
                .with_context(|| format!("no Deployment {deployment} is rendered"))?;
            let labels = &found["spec"]["template"]["metadata"]["labels"];
            let namespace = found["metadata"]["namespace"].as_str();
            (
                namespace.context("a namespace")?.to_owned(),
                serde_json::from_value(labels.clone())?,
            )
        }
    };
    let namespace_labels = table.namespaces.get(&namespace).cloned();
    Ok(End::Pod {
        namespace_labels: namespace_labels
            .with_context(|| format!("no labels of namespace {namespace}"))?,
        namespace,
        labels,
    })
}
