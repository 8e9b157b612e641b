//! What the project depends on: licences, sources, bans, advisories.

use crate::{exec, native::build::ACTIONS, paths, progress::Steps};
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";
/// The same of cargo-cyclonedx, which releases alone need.
const CARGO_CYCLONEDX: &str = "0.5.7";

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

/// Workflows as GitHub will read them. None of them was run.
pub fn workflows() -> Result<()> {
    let steps = Steps::new(paths::home()?.join("logs"));
    steps.run("actionlint", "see the log of the build", |step| {
        ACTIONS.ensure(step)
    })?;
    exec::output(Command::new(ACTIONS.bin().join("actionlint")).current_dir(paths::project()))
        .map(drop)
}

/// Bills of materials of the three programs that go into images, in CycloneDX, into target/sbom.
pub fn bills_of_materials() -> Result<()> {
    const FILE: &str = "threads-agent-sbom";
    let tool = installed("cargo-cyclonedx", CARGO_CYCLONEDX)?;
    let done = Command::new(tool)
        .current_dir(paths::project())
        .args(["cyclonedx", "--format", "json", "--spec-version", "1.5"])
        .args(["--override-filename", FILE, "--no-build-deps"])
        .status()?;
    ensure!(done.success(), "cargo-cyclonedx failed; see above");
    let folder = paths::project().join("target/sbom");
    fs::create_dir_all(&folder)?;
    // It writes beside every manifest of the workspace; those that go into images are kept.
    for member in exec::output(Command::new("git").current_dir(paths::project()).args([
        "ls-files",
        "Cargo.toml",
        "*/Cargo.toml",
    ]))?
    .lines()
    {
        let member = Path::new(member).parent().unwrap_or(Path::new(""));
        let made = paths::project().join(member).join(format!("{FILE}.json"));
        let program = [
            ("operator", "operator"),
            ("workers", "worker"),
            ("api", "api"),
        ]
        .into_iter()
        .find(|(of, _)| Path::new(of) == member);
        if let Some((_, program)) = program {
            let kept = folder.join(format!("{program}.cdx.json"));
            fs::copy(&made, &kept).with_context(|| made.display().to_string())?;
            println!("wrote {}", kept.display());
        }
        let _ = fs::remove_file(made);
    }
    Ok(())
}

fn cargo_deny() -> Result<PathBuf> {
    installed("cargo-deny", CARGO_DENY)
}

/// A tool of Cargo's, installed into the cache where the machine has none.
fn installed(tool: &str, version: &str) -> Result<PathBuf> {
    if exec::on_path(tool) {
        return Ok(PathBuf::from(tool));
    }
    let root = paths::home()?
        .join("tools")
        .join(format!("{tool}-{version}"));
    let program = root.join("bin").join(tool);
    if !program.is_file() {
        println!("installing {tool} {version} into {} (once)", root.display());
        let done = Command::new("cargo")
            .args(["install", tool, "--locked", "--quiet"])
            .args(["--version", version, "--root"])
            .arg(&root)
            .status()?;
        ensure!(done.success(), "cargo install {tool} failed");
    }
    Ok(program)
}
