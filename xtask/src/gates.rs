//! `test`: every gate in order, with the time that each took.

use crate::{
    deploy, exec,
    generate::generator,
    native::{
        self,
        services::{INSTALL, Passwords},
    },
    paths::{self, Instance},
    progress::Steps,
    supply_chain,
    tally::Tally,
    up,
};
use anyhow::{Context, Result};
use clap::Args;
use std::{
    fs,
    process::{Command, ExitCode},
};

#[derive(Args)]
pub struct Options {
    /// Leaves the tests' cluster running afterwards.
    #[arg(long)]
    keep: bool,
    /// Only the gates that need no cluster.
    #[arg(long)]
    offline: bool,
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
        "build",
        &mut cargo("build --workspace --all-targets --locked"),
    );
    tally.gate("generated files", generator().arg("--check"));
    tally.step("licences and advisories", supply_chain::check);
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
    let _alone = instance.lock()?;
    let up = tally.step("a cluster of the tests' own", || {
        // One that an interrupted run left behind goes first.
        up::down(&instance)?;
        native::cluster::ensure(&instance, false, &Steps::new(instance.logs.clone()))
    });
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
            "chart lint",
            deploy::helm(&instance)
                .arg("lint")
                .arg(paths::project().join("chart"))
                .args(["--strict", "--quiet"]),
        );
        tally.step("chart template", || {
            // What a default install would send passes the API server's own validation.
            let rendered = exec::output(
                deploy::helm(&instance)
                    .args(["template", deploy::RELEASE])
                    .arg(paths::project().join("chart"))
                    .args(["--namespace", deploy::NAMESPACE]),
            )?;
            let file = instance.run.join("rendered.yaml");
            fs::write(&file, rendered)?;
            exec::output(
                native::kubectl(&instance)
                    .args([
                        "apply",
                        "--server-side",
                        "--force-conflicts",
                        "--dry-run=server",
                        "-f",
                    ])
                    .arg(&file),
            )
            .map(drop)
        });
        tally.gate(
            "end to end",
            // Chosen by target and not by package: another choice of packages would compile the dependencies anew.
            &mut cargo(
                "test --workspace --test main_path --test lifecycle --test faults --locked --no-fail-fast -- --test-threads=1",
            ),
        );
        if tally.failed > 0 {
            let log = instance.logs.join("operator-at-the-end.log");
            let text = exec::output(native::kubectl(&instance).args([
                "-n",
                deploy::NAMESPACE,
                "logs",
                "deployment/threads-agent",
                "--tail=2000",
            ]));
            fs::write(&log, text.unwrap_or_else(|error| format!("{error:#}")))?;
            println!("The operator's log is at {}", log.display());
        }
    }
    if !keep {
        tally.step("the tests' cluster is gone", || up::down(&instance));
    }
    Ok(())
}

/// Where the tests find the instance.
pub fn environment(instance: &Instance) -> Result<Vec<(String, String)>> {
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
        ("TEST_XTASK", own_copy(instance)?),
    ];
    Ok(pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// A copy of this program for tests that restart a backing service: the build may replace the original meanwhile.
fn own_copy(instance: &Instance) -> Result<String> {
    let copy = instance.run.join("xtask");
    fs::copy("/proc/self/exe", &copy).context("copying this program for the tests")?;
    Ok(copy.display().to_string())
}
