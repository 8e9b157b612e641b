//! What the chart comes to without a cluster: golden renderings, flows that its NetworkPolicies allow, values that it refuses,
//! and the table of its values.

mod conform;
mod dashboards;
mod flows;
mod hub;
mod policies;
mod refusals;
mod renders;
mod values_table;

use crate::{native::build, paths, progress::Steps, tally::Tally};
use anyhow::{Context, Result, bail};
use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// Name and namespace of every rendering.
const RELEASE: [&str; 4] = [
    "threads-agent",
    "--namespace",
    "threads-system",
    "--skip-tests",
];

fn folder() -> PathBuf {
    paths::project().join("chart")
}

/// The gates of the chart.
pub fn gates(tally: &mut Tally) {
    if !tally.step("helm", helm_is_built) {
        return;
    }
    tally.step("chart renderings", || renders::all(true));
    tally.step("chart values table", || values_table::table(true));
    tally.step("chart conforms", || {
        let steps = Steps::new(paths::home()?.join("logs"));
        let schemas = steps.run("kubeconform", "see the log of the build", conform::prepare)?;
        conform::all(&schemas)
    });
    tally.step("chart dashboards", dashboards::all);
    tally.step("chart on artifact hub", hub::check);
    tally.step("chart flows", flows::decide);
    tally.step("chart refusals", refusals::all);
}

/// Writes what is generated, or says what is stale.
pub fn generate(check: bool) -> Result<()> {
    helm_is_built()?;
    values_table::table(check)?;
    renders::all(check)
}

fn helm_is_built() -> Result<()> {
    let steps = Steps::new(paths::home()?.join("logs"));
    steps.run("helm", "see the log of the build", |step| {
        build::CLUSTER.ensure_some(&["helm"], step)
    })
}

/// One rendering of the chart with further arguments; none of it asks a cluster.
fn helm_template(arguments: &[String]) -> Result<Output> {
    Command::new(build::bin().join("helm"))
        .arg("template")
        .args(RELEASE)
        .arg(folder())
        .args(["--kube-version", "1.36.0"])
        .args(arguments)
        .output()
        .context("starting helm")
}

/// What a values file of chart/ci renders to.
fn render(values: &str) -> Result<String> {
    let file = folder().join(values);
    rendered(&["--values".into(), file.display().to_string()]).with_context(|| values.to_owned())
}

/// What the chart renders to with these arguments, which it has to take.
fn rendered(arguments: &[String]) -> Result<String> {
    let done = helm_template(arguments)?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8(done.stdout)?)
}
