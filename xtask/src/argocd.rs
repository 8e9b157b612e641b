//! What Argo CD is told of the kinds: the ConfigMap patch that is generated from examples/argocd/health.lua, and whether Argo
//! CD's own engine makes of resources what examples/argocd/checks/health.yaml says.

use crate::{
    native::build::{self, ARGO_CD},
    paths,
    progress::{Step, Steps},
};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const GROUP: &str = "threads-agent.io";
/// Kinds, and what changes in their status without anything to be refreshed for: counters and figures.
const KINDS: [(&str, &[&str]); 6] = [
    (
        "Persona",
        &[
            "activeWorkers",
            "queue",
            "collection/points",
            "usage",
            "posts",
        ],
    ),
    (
        "ContentJob",
        &["progress", "counts", "usage", "posts", "lastError"],
    ),
    ("PromptTemplate", &["usedBy"]),
    (
        "Experiment",
        &[
            "matured",
            "arms",
            "leader",
            "leaderProbability",
            "effectiveUnits",
            "forecastAt",
            "lateOutcomes",
            "canary",
        ],
    ),
    (
        "Achievement",
        &["impactScore", "complexityScore", "analyzedAt"],
    ),
    (
        "AchievementSource",
        &["counts", "lag", "lastDelivery", "caughtUpTo"],
    ),
];
const HEAD: &str = "# Generated from examples/argocd/health.lua by `cargo xtask gen`; do not edit. Health of the kinds, and what of their status Argo CD
# need not look at:
#   kubectl -n argocd patch configmap argocd-cm --type merge --patch-file examples/argocd/argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
data:
";

fn folder() -> PathBuf {
    paths::project().join("examples/argocd")
}

fn patch_file() -> PathBuf {
    folder().join("argocd-cm.yaml")
}

/// Writes the patch, or only says that it is stale.
pub fn generate(check: bool) -> Result<()> {
    let lua = fs::read_to_string(folder().join("health.lua")).context("health.lua")?;
    let wanted = patch(&lua);
    if fs::read_to_string(patch_file()).is_ok_and(|standing| standing == wanted) {
        return Ok(());
    }
    ensure!(
        !check,
        "examples/argocd/argocd-cm.yaml is stale; run: cargo xtask gen"
    );
    Ok(fs::write(patch_file(), wanted)?)
}

fn patch(lua: &str) -> String {
    let mut text = HEAD.to_owned();
    for (kind, counters) in KINDS {
        let _ = writeln!(text, "  resource.customizations.health.{GROUP}_{kind}: |");
        for line in lua.lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
        let _ = writeln!(
            text,
            "  resource.customizations.ignoreResourceUpdates.{GROUP}_{kind}: |\n    jsonPointers:"
        );
        for counter in counters {
            let _ = writeln!(text, "      - /status/{counter}");
        }
    }
    text
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    name: String,
    /// Argo CD's word.
    health: String,
    /// What its message holds.
    says: String,
    object: Value,
}

/// The program, built by the gate of [`health`].
pub fn program() -> PathBuf {
    ARGO_CD.bin().join("argocd")
}

/// Argo CD's own custom resource definitions.
pub fn definitions() -> Result<PathBuf> {
    let steps = Steps::new(paths::home()?.join("logs"));
    let sources = steps.run("argo cd", "see the log of the build", |step: &Step| {
        ARGO_CD.ensure(step)?;
        build::sources_of("argocd", "github.com/argoproj/argo-cd/v3", step)
    })?;
    Ok(sources.join("manifests/crds"))
}

/// Asks Argo CD's own engine for the health of every resource of the table.
pub fn health() -> Result<()> {
    generate(true)?;
    let steps = Steps::new(paths::home()?.join("logs"));
    steps.run("argo cd", "see the log of the build", |step: &Step| {
        ARGO_CD.ensure(step)
    })?;
    let table = fs::read_to_string(folder().join("checks/health.yaml")).context("health.yaml")?;
    let checks: Vec<Check> = serde_saphyr::from_str(&table).context("checks/health.yaml")?;
    let file = paths::home()?.join("logs").join("argocd-object.json");
    for (kind, _) in KINDS {
        let seen = checks.iter().any(|check| check.object["kind"] == kind);
        ensure!(seen, "no check is about {kind}");
    }
    for check in &checks {
        let said = health_of(check, &file)?;
        let holds =
            said.contains(&format!("STATUS: {}", check.health)) && said.contains(&check.says);
        ensure!(holds, "{}: Argo CD says {said}", check.name);
    }
    println!(
        "{} resources have the health that examples/argocd/checks/health.yaml says",
        checks.len()
    );
    Ok(())
}

fn health_of(check: &Check, file: &Path) -> Result<String> {
    fs::write(file, check.object.to_string())?;
    let done = Command::new(program())
        .args(["admin", "settings", "resource-overrides", "health"])
        .arg(file)
        .arg("--argocd-cm-path")
        .arg(patch_file())
        .output()
        .context("starting argocd")?;
    ensure!(
        done.status.success(),
        "{}: {}",
        check.name,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(String::from_utf8(done.stdout)?)
}
