//! `test`: every gate in order, with the time that each took; `gen` and `bench`.

use crate::{
    deploy, exec,
    native::services::{INSTALL, Passwords},
    paths::{self, Instance},
    progress::Steps,
    up,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

/// Version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";

#[derive(Args)]
pub struct Options {
    /// Leaves the tests' cluster running afterwards.
    #[arg(long)]
    keep: bool,
    /// Only the gates that need no cluster.
    #[arg(long)]
    offline: bool,
}

/// What the gates came to.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    lines: Vec<String>,
}

pub fn test(options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let cargo = |arguments: &str| {
        let mut command = Command::new("cargo");
        command
            .current_dir(paths::project())
            .args(arguments.split(' '));
        command
    };
    tally.gate("formatting", &mut cargo("fmt --all --check"));
    tally.gate(
        "lints",
        &mut cargo("clippy --workspace --all-targets --locked --quiet -- -D warnings"),
    );
    tally.gate(
        "generated files",
        &mut cargo("run --quiet --locked -p threads-crds --bin crdgen -- --check"),
    );
    tally.step("licences and advisories", supply_chain);
    if options.offline {
        tally.gate(
            "tests",
            &mut cargo("test --workspace --locked --no-fail-fast"),
        );
    } else {
        with_cluster(&mut tally, options.keep)?;
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

/// The tests that need real backends and a real cluster, on an instance of their own that is removed afterwards.
fn with_cluster(tally: &mut Tally, keep: bool) -> Result<()> {
    let instance = Instance::test()?;
    up::down(&instance)?;
    let steps = Steps::new(instance.logs.clone());
    let started = up::cluster(&instance, &steps);
    let up = tally.step("a cluster of the tests' own", || started);
    if up {
        let environment = environment(&instance)?;
        let cargo = |arguments: &str| {
            let mut command = Command::new("cargo");
            command
                .current_dir(paths::project())
                .args(arguments.split(' '))
                .envs(environment.iter().cloned());
            command
        };
        tally.gate(
            "tests",
            &mut cargo("test --workspace --exclude threads-e2e --locked --no-fail-fast"),
        );
        tally.gate(
            "chart",
            deploy::helm(&instance)
                .arg("lint")
                .arg(paths::project().join("chart"))
                .arg("--quiet"),
        );
        tally.gate(
            "end to end",
            &mut cargo("test -p threads-e2e --locked --no-fail-fast -- --test-threads=1"),
        );
        if tally.failed > 0 {
            let log = instance.logs.join("operator-at-the-end.log");
            let text = exec::output(crate::native::kubectl(&instance).args([
                "-n",
                deploy::NAMESPACE,
                "logs",
                "deployment/threads-agent",
                "--tail=2000",
            ]));
            std::fs::write(&log, text.unwrap_or_else(|error| format!("{error:#}")))?;
            println!("The operator's log is at {}", log.display());
        }
    }
    if !keep {
        up::down(&instance)?;
    }
    Ok(())
}

/// Where the tests find the instance.
fn environment(instance: &Instance) -> Result<Vec<(String, String)>> {
    let passwords = Passwords::of(instance)?;
    let node = instance.node_address();
    let pairs = [
        ("KUBECONFIG", instance.kubeconfig().display().to_string()),
        ("TEST_CLUSTER", instance.name.clone()),
        (
            "TEST_POSTGRES_SUPERUSER_URL",
            format!(
                "postgres://postgres:{}@{node}:5432/postgres",
                passwords.superuser
            ),
        ),
        (
            "TEST_AMQP_URL",
            format!(
                "amqp://{INSTALL}:{}@{node}:5672/{INSTALL}",
                passwords.rabbitmq
            ),
        ),
        (
            "TEST_RABBITMQ_MANAGEMENT_URL",
            format!("http://{INSTALL}:{}@{node}:15672", passwords.rabbitmq),
        ),
        ("TEST_QDRANT_URL", format!("http://{node}:6334")),
        ("TEST_QDRANT_API_KEY", passwords.qdrant),
        ("TEST_LLM_URL", format!("http://{node}:8000/v1")),
        ("TEST_XTASK", std::env::current_exe()?.display().to_string()),
    ];
    Ok(pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

impl Tally {
    /// A gate that is one command; what cargo's test runner counts in it is added up.
    fn gate(&mut self, name: &str, command: &mut Command) -> bool {
        let mut counted = (0, 0);
        let result = self.timed(name, || {
            println!("\n== {name}");
            counted = stream(command)?;
            Ok(())
        });
        // A gate without tests of its own counts as one.
        let (passed, failed) = if counted == (0, 0) {
            (u32::from(result), u32::from(!result))
        } else {
            counted
        };
        self.passed += passed;
        self.failed += if result { failed } else { failed.max(1) };
        result
    }

    fn step(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        let result = self.timed(name, step);
        self.passed += u32::from(result);
        self.failed += u32::from(!result);
        result
    }

    fn timed(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        let began = Instant::now();
        let result = step();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        self.lines
            .push(format!("{word:<7}{name} ({} s)", began.elapsed().as_secs()));
        if let Err(error) = &result {
            println!("{name} failed: {error:#}");
        }
        result.is_ok()
    }
}

/// Runs a command with its output shown as it comes; answers what `test result:` lines add up to.
fn stream(command: &mut Command) -> Result<(u32, u32)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the gate")?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            if let Some((p, f)) = counts(&line) {
                passed += p;
                failed += f;
            }
        }
    }
    let status = child.wait()?;
    if !status.success() && failed == 0 {
        bail!("ended with {status}");
    }
    if failed > 0 {
        println!("{failed} failed");
    }
    Ok((passed, failed))
}

fn counts(line: &str) -> Option<(u32, u32)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let number = |word: &str| -> Option<u32> {
        let end = rest.find(word)?;
        rest[..end].trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some((number(" passed")?, number(" failed")?))
}

/// Licences, sources and bans always; advisories where their database can be fetched.
fn supply_chain() -> Result<()> {
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

pub fn generate(check: bool) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(paths::project()).args([
        "run",
        "--quiet",
        "--locked",
        "-p",
        "threads-crds",
        "--bin",
        "crdgen",
        "--",
    ]);
    if check {
        command.arg("--check");
    }
    anyhow::ensure!(
        command.status()?.success(),
        "the generator failed; see above"
    );
    Ok(())
}

pub fn bench(name: Option<&str>) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn results_of_the_test_runner_are_added_up() {
        assert_eq!(
            counts(
                "test result: FAILED. 6 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.42s"
            ),
            Some((6, 2))
        );
        assert_eq!(counts("running 3 tests"), None);
    }
}
