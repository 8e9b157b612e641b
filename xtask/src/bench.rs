//! Benchmarks, each with a peer in the same run.

use crate::paths;
use anyhow::{Result, bail};
use std::process::Command;

pub fn run(name: Option<&str>) -> Result<()> {
    match name {
        Some("text") => {
            let done = Command::new("cargo")
                .current_dir(paths::project())
                .args(["bench", "-p", "threads-domain"])
                .status()?;
            anyhow::ensure!(done.success(), "the benchmark failed; see above");
            Ok(())
        }
        Some(other) => bail!("there is no benchmark `{other}`; there is: text"),
        None => {
            println!("Benchmarks: text (sentiment and emotions)");
            Ok(())
        }
    }
}
