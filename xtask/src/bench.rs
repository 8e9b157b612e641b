//! Benchmarks. A peer runs in the same command where there is one.

mod install;
mod traces;

use crate::{exec, gates, images, native::build, paths, paths::Instance};
use anyhow::{Context, Result, bail, ensure};
use std::{path::PathBuf, process::Command};

/// What the text analysis, the relay and the statistics are compared with.
const VADER: &str = "vaderSentiment==3.3.2";
const CELERY: &str = "celery==5.5.3";
const STATISTICS: [&str; 2] = ["scipy==1.17.1", "statsmodels==0.15.0"];

pub fn run(name: Option<&str>, parameters: &[String]) -> Result<()> {
    match name {
        Some("text") => text(),
        Some("experiments") => experiments(parameters),
        Some("worker") => example(
            "threads-worker",
            "bench_worker",
            &["--", "--posts", "2000"],
            &[("RUST_LOG", "warn".into())],
        ),
        Some("relay") => {
            let python = peer("celery", "celery", &[CELERY])?;
            example(
                "threads-operator",
                "bench_relay",
                &[],
                &[("PEER_PYTHON", python)],
            )
        }
        Some("images") => images::published(),
        Some("outcomes") => example("threads-api", "bench_outcomes", &[], &[]),
        Some("webhooks") => example("threads-api", "bench_webhooks", &[], &[]),
        Some("achievements") => example("threads-backends", "bench_achievements", &[], &[]),
        Some("backfill") => example("threads-worker", "bench_backfill", &[], &[]),
        Some("pdf") => {
            let two_hundred = ["--", "--items", "200", "--format", "pdf"];
            run_to_end(&mut program("threads-portfolio", "sample", &two_hundred)?)
        }
        Some("install") => install::run(5),
        Some("traces") => traces::run(),
        Some("operator") => example("threads-e2e", "bench_operator", &[], &[]),
        Some(other) => {
            bail!(
                "there is no benchmark `{other}`; there are: text, experiments, worker, relay, operator, outcomes, webhooks, achievements, backfill, pdf, images, install, traces"
            )
        }
        None => {
            println!(
                "text    sentiment and eight emotions, beside Python's vaderSentiment\n\
                 experiments  error rates by simulation, written to docs/experiments-simulations.md, agreement with scipy and statsmodels, the time of an evaluation; -- --runs N --only PART\n\
                 worker  posts a CPU-second of the worker; Postgres and RabbitMQ are those of `cargo xtask up`\n\
                 relay   outbox row to confirmed publish, beside one Celery producer; Postgres and RabbitMQ are those of `cargo xtask up`\n\
                 operator  requests and memory when idle, apply to Accepted, a thousand jobs at once, a scrape and a start with ten thousand; on the cluster of `cargo xtask up`\n\
                 outcomes  NDJSON to rows through the REST API; Postgres is that of `cargo xtask up`\n\
                 webhooks  a signed delivery until its row is committed, at 200 a second; a burst of 5,000; Postgres is that of `cargo xtask up`\n\
                 achievements  a page of 20 of 100,000 with its exact total, for each filter and order; Postgres is that of `cargo xtask up`\n\
                 backfill  10,000 pull requests from a stand-in: time, requests, memory, a kill in the middle; Postgres is that of `cargo xtask up`\n\
                 install  helm install until all is ready, and how long nobody leads after an update and a kill; on the cluster of `cargo xtask up`\n\
                 traces  CPU a post of a worker with one task in ten traced, beside none, in alternating pairs; on the cluster of `cargo xtask up --traces`\n\
                 images  how large the images are that are published: with link-time optimisation"
            );
            Ok(())
        }
    }
}

fn text() -> Result<()> {
    run_to_end(
        Command::new("cargo")
            .current_dir(paths::project())
            .env("PEER_PYTHON", peer("vader", "vaderSentiment", &[VADER])?)
            .args(["bench", "-p", "threads-domain", "--bench", "text"]),
    )
}

/// Simulations first; then agreement with scipy and statsmodels, and the time of one evaluation, unless a single part is asked for.
fn experiments(parameters: &[String]) -> Result<()> {
    let cargo = |arguments: &[&str], parameters: &[String]| -> Result<()> {
        run_to_end(
            Command::new("cargo")
                .current_dir(paths::project())
                .args(arguments)
                .args(parameters),
        )
    };
    let package = ["-p", "threads-domain"];
    let simulate = ["--release", "--example", "simulate", "--"];
    cargo(&[&["run"], &package[..], &simulate].concat(), parameters)?;
    if parameters.iter().any(|it| it == "--only") {
        return Ok(());
    }
    agreement()?;
    let cases = ["--release", "--test", "statistics_cases"];
    cargo(&[&["test"], &package[..], &cases].concat(), &[])?;
    cargo(
        &[&["bench"], &package[..], &["--bench", "experiments"]].concat(),
        &[],
    )
}

/// Whether scipy and statsmodels give what the committed cases say; a test holds this project's own figures against those.
fn agreement() -> Result<()> {
    let python = peer("statistics", "scipy, statsmodels", &STATISTICS)?;
    let done = Command::new(python)
        .current_dir(paths::project().join("libs/domain"))
        .args([
            "tests/peer_statistics.py",
            "check",
            "data/statistics_cases.json",
        ])
        .status()
        .context("starting the peers")?;
    ensure!(
        done.success(),
        "the peers differ from the committed cases; see above"
    );
    Ok(())
}

/// The Python of a virtual environment that holds a peer; made where it is missing.
fn peer(folder: &str, modules: &str, packages: &[&str]) -> Result<PathBuf> {
    let environment = paths::home()?.join("python").join(folder);
    let python = environment.join("bin/python");
    if !exec::succeeds(Command::new(&python).args(["-c", &format!("import {modules}")])) {
        let log = paths::home()?.join("logs/bench.log");
        build::virtual_environment(&environment, packages, &log)?;
    }
    Ok(python)
}

/// A benchmark program that is run against the services of the instance that is up.
fn example(
    package: &str,
    name: &str,
    arguments: &[&str],
    environment: &[(&str, PathBuf)],
) -> Result<()> {
    let instance = Instance::dev()?;
    ensure!(
        instance.run.exists(),
        "this benchmark uses the running services; start them with cargo xtask up"
    );
    run_to_end(
        program(package, name, arguments)?
            .envs(gates::environment(&instance)?)
            .envs(environment.iter().cloned()),
    )
}

/// A benchmark program, built as the images are.
fn program(package: &str, name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = images::cargo()?;
    command
        .args(["run", "-p", package, "--example", name])
        .args(images::PROFILE)
        .args(arguments);
    Ok(command)
}

fn run_to_end(command: &mut Command) -> Result<()> {
    let done = command.status().context("starting cargo")?;
    ensure!(done.success(), "the benchmark failed; see above");
    Ok(())
}
