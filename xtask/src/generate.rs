//! What is generated: from the types the chart's definitions and docs/api.md, from the routes docs/openapi.json,
//! from the catalog of metrics dashboards, alerts and their pages, from the chart its golden renderings and docs/values.md.

use crate::{argocd, chart, monitoring, paths};
use anyhow::{Context, Result};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The generator of definitions that `cargo build` made.
pub fn generator() -> Command {
    built("crdgen")
}

/// A program that `cargo build` made.
pub fn built(program: &str) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| paths::project().join("target"), PathBuf::from);
    let mut command = Command::new(target.join("debug").join(program));
    command.current_dir(paths::project());
    command
}

/// Builds a generator.
pub fn build(package: &str, program: &str) -> Result<()> {
    let built = Command::new("cargo")
        .current_dir(paths::project())
        .args(["build", "--quiet", "--locked", "-p", package])
        .args(["--bin", program])
        .status()
        .context("cargo build")?;
    anyhow::ensure!(built.success(), "the generator does not build; see above");
    Ok(())
}

/// Has a generator write, or only say whether something is stale.
pub fn write(mut generator: Command, check: bool) -> Result<()> {
    if check {
        generator.arg("--check");
    }
    anyhow::ensure!(
        generator.status()?.success(),
        "generated files are stale; run: cargo xtask gen"
    );
    Ok(())
}

/// Builds the generators and writes, or only says whether something is stale.
pub fn generate(check: bool) -> Result<()> {
    build("threads-crds", "crdgen")?;
    write(generator(), check)?;
    openapi(check)?;
    argocd::generate(check)?;
    monitoring::generate(check)?;
    chart::generate(check)
}

/// The document that the API's program makes of its own routes.
pub fn openapi(check: bool) -> Result<()> {
    let made = Command::new("cargo")
        .current_dir(paths::project())
        .args([
            "run",
            "--quiet",
            "--locked",
            "-p",
            "threads-api",
            "--bin",
            "api",
        ])
        .args(["--", "openapi"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo run")?;
    anyhow::ensure!(made.status.success(), "the API does not build; see above");
    let file = paths::project().join("docs/openapi.json");
    if fs::read(&file).is_ok_and(|standing| standing == made.stdout) {
        return Ok(());
    }
    anyhow::ensure!(!check, "docs/openapi.json is stale; run: cargo xtask gen");
    Ok(fs::write(file, made.stdout)?)
}
