//! Writes what follows from the catalog: dashboards, rules and their tests, runbooks, docs/metrics.md. `--check` only compares.

use anyhow::{Context, Result, bail};
use clap::Parser;
use monitoring::{alerts, catalog, dashboards};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Writes dashboards, rules, runbooks and docs/metrics.md from the Rust values.
#[derive(Parser)]
struct Arguments {
    /// Writes nothing; fails and names the files that are stale.
    #[arg(long)]
    check: bool,
    /// Root of the repository.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))]
    root: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut stale = Vec::new();
    for (path, text) in files()? {
        let target = arguments.root.join(&path);
        if fs::read_to_string(&target).is_ok_and(|old| old == text) {
            continue;
        }
        if !arguments.check {
            let folder = target.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
            fs::write(&target, text).with_context(|| format!("writing {}", target.display()))?;
            println!("wrote {}", path.display());
        }
        stale.push(path.display().to_string());
    }
    if arguments.check && !stale.is_empty() {
        bail!(
            "stale, run `cargo xtask gen` and commit: {}",
            stale.join(", ")
        );
    }
    Ok(())
}

/// Every generated file, by its path from the root.
fn files() -> Result<Vec<(PathBuf, String)>> {
    let mut files = vec![
        (PathBuf::from("docs/metrics.md"), catalog::reference()),
        (
            PathBuf::from("docs/runbooks/README.md"),
            alerts::runbooks_index(),
        ),
        (
            PathBuf::from("chart/monitoring/rules.yaml"),
            yaml(&alerts::rules())?,
        ),
        (
            PathBuf::from("libs/monitoring/checks/rules-test.yaml"),
            yaml(&alerts::checks("../../../chart/monitoring/rules.yaml"))?,
        ),
    ];
    for dashboard in dashboards::all() {
        let path = format!("chart/monitoring/dashboards/{}.json", dashboard.uid);
        files.push((path.into(), format!("{:#}\n", dashboard.to_json())));
    }
    for alert in alerts::all() {
        let path = format!("docs/runbooks/{}.md", alert.name);
        files.push((path.into(), alerts::runbook(&alert)));
    }
    Ok(files)
}

fn yaml(value: &Value) -> Result<String> {
    let text = serde_saphyr::to_string(value).context("as YAML")?;
    Ok(format!(
        "# Generated from libs/monitoring by `cargo xtask gen`; do not edit.\n{text}"
    ))
}
