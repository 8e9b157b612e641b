//! What Artifact Hub shows of the chart: its annotations name the definitions that the chart brings, no more and no fewer.

use super::folder;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

#[derive(Deserialize)]
struct Chart {
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    kind: String,
    version: String,
    name: String,
    display_name: String,
    description: String,
}

/// Fails where a definition is missing, is named wrong, or has nothing to be shown by.
pub fn check() -> Result<()> {
    let text = fs::read_to_string(folder().join("Chart.yaml")).context("chart/Chart.yaml")?;
    let chart: Chart = serde_saphyr::from_str(&text).context("chart/Chart.yaml")?;
    let annotation = |name: &str| {
        (chart.annotations.get(name)).with_context(|| format!("chart/Chart.yaml has no {name}"))
    };
    let listed: Vec<Definition> = serde_saphyr::from_str(annotation("artifacthub.io/crds")?)
        .context("artifacthub.io/crds")?;
    for definition in &listed {
        let file = folder()
            .join("templates/crds")
            .join(definition.name.replace(".threads-agent.io", ".yaml"));
        let template = fs::read_to_string(&file)
            .with_context(|| format!("{} is listed and not there", definition.name))?;
        for line in [
            format!("kind: {}", definition.kind),
            format!("name: {}", definition.version),
        ] {
            ensure!(
                template.lines().any(|it| it.trim() == line),
                "{}: no line `{line}`",
                definition.name
            );
        }
        ensure!(
            !definition.display_name.is_empty() && !definition.description.is_empty(),
            "{} has nothing to be shown by",
            definition.name
        );
    }
    let names: BTreeSet<_> = listed.iter().map(|it| it.name.as_str()).collect();
    let brought = fs::read_dir(folder().join("templates/crds"))?.count();
    ensure!(
        names.len() == brought,
        "the chart brings {brought} definitions, artifacthub.io/crds lists {}",
        names.len()
    );
    Ok(())
}
