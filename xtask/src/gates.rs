//! `test`: every gate in order, with the time that each took.

mod clustered;
mod environment;
mod rights;

use crate::{
    argocd, chart,
    generate::{generator, openapi},
    monitoring, paths, supply_chain,
    tally::Tally,
};
use anyhow::Result;
use clap::Args;
pub use environment::environment;
use std::process::{Command, ExitCode};

#[derive(Args)]
pub struct Options {
    /// Leaves the tests' cluster running afterwards.
    #[arg(long)]
    keep: bool,
    /// Only the gates that need no cluster.
    #[arg(long, conflicts_with = "end_to_end")]
    offline: bool,
    /// Only the gates of the chart, and the health that Argo CD sees.
    #[arg(long, conflicts_with_all = ["offline", "end_to_end"])]
    chart: bool,
    /// Only these end-to-end tests (files of tests/tests), on the cluster that --keep left or on a new one.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    end_to_end: Vec<String>,
}

pub fn test(options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    if options.chart {
        chart::gates(&mut tally);
        tally.step("health for Argo CD", argocd::health);
    } else if options.end_to_end.is_empty() {
        static_gates(&mut tally);
        if options.offline {
            tally.gate(
                "tests",
                &mut cargo("test --workspace --locked --no-fail-fast"),
            );
        } else {
            clustered::every_test(&mut tally, options.keep)?;
        }
    } else {
        clustered::end_to_end_alone(&mut tally, &options.end_to_end, options.keep)?;
    }
    println!();
    for line in &tally.lines {
        println!("{line}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What needs neither a cluster nor a backend.
fn static_gates(tally: &mut Tally) {
    tally.gate("formatting", &mut cargo("fmt --all --check"));
    tally.gate(
        "lints",
        &mut cargo("clippy --workspace --all-targets --locked --quiet -- -D warnings"),
    );
    tally.gate(
        "build",
        &mut cargo("build --workspace --all-targets --locked"),
    );
    tally.gate("generated files", generator().arg("--check"));
    tally.gate(
        "dashboards and rules",
        monitoring::generator().arg("--check"),
    );
    tally.step("the API's document", || openapi(true));
    tally.step("licences and advisories", supply_chain::check);
    tally.step("workflows", supply_chain::workflows);
    chart::gates(tally);
    tally.step("health for Argo CD", argocd::health);
    tally.step("alerts", monitoring::alerts);
}

fn cargo(arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(paths::project())
        .args(arguments.split(' '));
    command
}
