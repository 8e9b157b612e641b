//! The backing services of the cluster under test.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Stops a backing service hard and starts it again with its data: `postgres`, `rabbitmq`, `qdrant` or `llm`.
///
/// # Errors
/// The service did not come back; the program's own words are above.
pub fn restart(piece: &str) -> Result<()> {
    let instance = std::env::var("TEST_CLUSTER").context("TEST_CLUSTER")?;
    let program = std::env::var("TEST_XTASK").context("TEST_XTASK")?;
    let status = Command::new(program)
        .args(["restart", &instance, piece])
        .status()?;
    ensure!(status.success(), "{piece} was not restarted");
    Ok(())
}
