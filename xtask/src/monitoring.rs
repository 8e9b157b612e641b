//! What is generated from libs/monitoring, and the alerts by Prometheus' own tool.

use crate::{exec, generate, native::packages, paths, progress::Steps};
use anyhow::Result;
use std::process::Command;

const RULES: &str = "chart/monitoring/rules.yaml";
const CHECKS: &str = "libs/monitoring/checks/rules-test.yaml";

/// The generator that `cargo build` made.
pub fn generator() -> Command {
    generate::built("monitoringgen")
}

/// Writes dashboards, rules, runbooks and docs/metrics.md, or only says what is stale.
pub fn generate(check: bool) -> Result<()> {
    generate::build("threads-monitoring", "monitoringgen")?;
    generate::write(generator(), check)
}

/// Every alert fires on the series on which it should, and is silent on the others.
pub fn alerts() -> Result<()> {
    let steps = Steps::new(paths::home()?.join("logs"));
    steps.run("packages of the tests", "see the log", packages::for_tests)?;
    for arguments in [["check", "rules", RULES], ["test", "rules", CHECKS]] {
        exec::output(
            Command::new("promtool")
                .current_dir(paths::project())
                .args(arguments),
        )?;
    }
    Ok(())
}
