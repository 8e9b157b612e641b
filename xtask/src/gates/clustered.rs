//! The gates that need real backends and a real cluster: an instance of the tests' own, removed afterwards.

use super::{cargo, environment, rights};
use crate::{
    api, argocd, deploy, exec, native,
    paths::{self, Instance},
    progress::Steps,
    tally::Tally,
    up,
};
use anyhow::{Context, Result, ensure};
use std::{fs, process::Command};

/// Every test there is, and the chart against the API server.
pub fn every_test(tally: &mut Tally, keep: bool) -> Result<()> {
    let instance = Instance::test()?;
    let _alone = instance.lock()?;
    let up = tally.step("a cluster of the tests' own", || {
        // One that an interrupted run left behind goes first.
        up::down(&instance)?;
        start(&instance)
    });
    if up {
        tally.gate(
            "tests",
            &mut told(
                &instance,
                "test --workspace --exclude threads-e2e --locked --no-fail-fast",
            )?,
        );
        chart(tally, &instance);
        installed(tally, &instance);
        if end_to_end(tally, &instance, &end_to_end_tests()?)? {
            tally.step("rights granted are rights used", || {
                rights::check(&instance)
            });
        }
    }
    finish(tally, &instance, keep)
}

/// Some end-to-end tests alone; a cluster that an earlier run kept is brought to what is built now.
pub fn end_to_end_alone(tally: &mut Tally, names: &[String], keep: bool) -> Result<()> {
    let known = end_to_end_tests()?;
    for name in names {
        ensure!(known.contains(name), "there are {}", known.join(", "));
    }
    let instance = Instance::test()?;
    let _alone = instance.lock()?;
    if tally.step("the tests' cluster", || start(&instance)) {
        let passed = end_to_end(tally, &instance, names)?;
        if passed && names.len() == known.len() {
            tally.step("rights granted are rights used", || {
                rights::check(&instance)
            });
        }
    }
    finish(tally, &instance, keep)
}

fn start(instance: &Instance) -> Result<()> {
    instance.create_folders()?;
    let steps = Steps::new(instance.logs.clone());
    steps.run(
        "packages of the tests",
        "see the log",
        native::packages::for_tests,
    )?;
    native::cluster::ensure(instance, false, &steps)?;
    steps.run("github stand-in", "cargo xtask logs github", |step| {
        native::standins::start_github(instance, step)
    })?;
    native::objects::ensure(instance, &steps)?;
    native::traces::ensure(instance, &steps)?;
    api::ensure(instance, &steps)
}

fn finish(tally: &mut Tally, instance: &Instance, keep: bool) -> Result<()> {
    if tally.failed > 0 {
        keep_log(instance)?;
    }
    if !keep {
        tally.step("the tests' cluster is gone", || up::down(instance));
    }
    Ok(())
}

/// Cargo with what the tests are told of the instance.
fn told(instance: &Instance, arguments: &str) -> Result<Command> {
    let mut command = cargo(arguments);
    command.envs(environment(instance)?);
    Ok(command)
}

/// The test programs of tests/tests, by name: files, and folders with a main.rs.
fn end_to_end_tests() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(paths::project().join("tests/tests")).context("tests/tests")? {
        let path = entry?.path();
        let is_file = path.extension().is_some_and(|extension| extension == "rs");
        if is_file || path.join("main.rs").is_file() {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// Whether all passed.
fn end_to_end(tally: &mut Tally, instance: &Instance, names: &[String]) -> Result<bool> {
    let mut command = told(instance, "test --workspace --locked --no-fail-fast")?;
    command
        .env("TEST_ARGOCD", argocd::program())
        .env("TEST_ARGOCD_CRDS", argocd::definitions()?);
    // Chosen by target and not by package: another choice of packages would compile the dependencies anew.
    for name in names {
        command.args(["--test", name]);
    }
    Ok(tally.gate("end to end", command.args(["--", "--test-threads=1"])))
}

/// The chart's own lint, and whether the API server takes what a default install would send.
fn chart(tally: &mut Tally, instance: &Instance) {
    let chart = paths::project().join("chart");
    tally.gate(
        "chart lint",
        deploy::helm(instance)
            .arg("lint")
            .arg(&chart)
            .args(["--strict", "--quiet"]),
    );
    tally.step("chart template", || {
        let rendered = exec::output(
            deploy::helm(instance)
                .args(["template", deploy::RELEASE])
                .arg(&chart)
                .args(["--namespace", deploy::NAMESPACE]),
        )?;
        let file = instance.run.join("rendered.yaml");
        fs::write(&file, rendered)?;
        let mut dry_run = native::kubectl(instance);
        dry_run
            .args([
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "-f",
            ])
            .arg(&file);
        exec::output(&mut dry_run).map(drop)
    });
}

/// The release says that it is ready; a second one beside it is refused with a sentence that names the first.
fn installed(tally: &mut Tally, instance: &Instance) {
    tally.step("helm test", || {
        exec::output(deploy::helm(instance).args([
            "test",
            deploy::RELEASE,
            "--namespace",
            deploy::NAMESPACE,
            "--timeout",
            "120s",
        ]))
        .map(drop)
    });
    tally.step("a second install is refused", || {
        let chart = paths::project().join("chart");
        let done = deploy::helm(instance)
            .args(["install", "second"])
            .arg(&chart)
            .args(["--namespace", "default", "--dry-run=server"])
            .args(["--set", "crds.enabled=false,rbac.aggregate=false"])
            .output()?;
        let said = String::from_utf8_lossy(&done.stderr);
        let named = format!("{}/{}", deploy::NAMESPACE, deploy::RELEASE);
        ensure!(
            !done.status.success() && said.contains(&named),
            "helm said: {said}"
        );
        Ok(())
    });
}

/// The operator's log is kept for whoever asks why.
fn keep_log(instance: &Instance) -> Result<()> {
    let log = instance.logs.join("operator-at-the-end.log");
    let text = exec::output(native::kubectl(instance).args([
        "-n",
        deploy::NAMESPACE,
        "logs",
        "deployment/threads-agent",
        "--tail=2000",
    ]));
    fs::write(&log, text.unwrap_or_else(|error| format!("{error:#}")))?;
    println!("The operator's log is at {}", log.display());
    Ok(())
}
