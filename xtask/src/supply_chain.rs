//! What the project depends on: licences, sources, bans, advisories.

use crate::{exec, paths};
use anyhow::{Context, Result, bail};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";

/// Licences, sources and bans always; advisories where their database can be fetched.
pub fn check() -> Result<()> {
    let tree = Command::new("cargo")
        .current_dir(paths::project())
        .args(["tree", "--workspace", "--locked", "--invert", "aws-lc-rs"])
        .output()
        .context("cargo tree")?;
    if !String::from_utf8_lossy(&tree.stdout).trim().is_empty() {
        bail!(
            "aws-lc-rs is in the tree beside ring; rustls could not choose:\n{}",
            String::from_utf8_lossy(&tree.stdout)
        );
    }
    let deny = cargo_deny()?;
    let run = |checks: &[&str]| {
        Command::new(&deny)
            .current_dir(paths::project())
            .args([
                "--all-features",
                "--locked",
                "check",
                "--hide-inclusion-graph",
            ])
            .args(checks)
            .status()
            .context("cargo-deny")
    };
    if !run(&["licenses", "bans", "sources"])?.success() {
        bail!("cargo-deny found what deny.toml does not allow");
    }
    let fetched = Command::new(&deny)
        .current_dir(paths::project())
        .args(["--locked", "fetch", "db"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !fetched {
        println!("advisories were NOT checked: their database could not be fetched from here");
        return Ok(());
    }
    if !run(&["advisories"])?.success() {
        bail!("an advisory applies; cargo-deny names it above");
    }
    Ok(())
}

fn cargo_deny() -> Result<PathBuf> {
    if exec::on_path("cargo-deny") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let root = paths::home()?
        .join("tools")
        .join(format!("cargo-deny-{CARGO_DENY}"));
    let program = root.join("bin/cargo-deny");
    if !program.is_file() {
        println!(
            "installing cargo-deny {CARGO_DENY} into {} (once)",
            root.display()
        );
        let done = Command::new("cargo")
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
                "--version",
                CARGO_DENY,
                "--root",
            ])
            .arg(&root)
            .status()?;
        anyhow::ensure!(done.success(), "cargo install cargo-deny failed");
    }
    Ok(program)
}
