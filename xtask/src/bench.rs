//! Benchmarks. A peer runs in the same command where there is one.

use crate::{exec, gates, images, native::build, paths, paths::Instance};
use anyhow::{Context, Result, bail, ensure};
use std::process::Command;

/// What the text analysis is compared with.
const PEER: &str = "vaderSentiment==3.3.2";

pub fn run(name: Option<&str>) -> Result<()> {
    match name {
        Some("text") => text(),
        Some("worker") => example("threads-worker", "bench_worker", &["--", "--posts", "2000"]),
        Some("relay") => example("threads-operator", "bench_relay", &[]),
        Some(other) => bail!("there is no benchmark `{other}`; there are: text, worker, relay"),
        None => {
            println!(
                "text    sentiment and eight emotions, beside Python's vaderSentiment\n\
                 worker  posts a CPU-second of the worker; Postgres and RabbitMQ are those of `cargo xtask up`\n\
                 relay   outbox row to confirmed publish; Postgres and RabbitMQ are those of `cargo xtask up`"
            );
            Ok(())
        }
    }
}

fn text() -> Result<()> {
    let peer = paths::home()?.join("python/vader");
    let python = peer.join("bin/python");
    if !exec::succeeds(Command::new(&python).args(["-c", "import vaderSentiment"])) {
        let log = paths::home()?.join("logs/bench.log");
        build::virtual_environment(&peer, &[PEER], &log)?;
    }
    let done = Command::new("cargo")
        .current_dir(paths::project())
        .env("PEER_PYTHON", python)
        .args(["bench", "-p", "threads-domain", "--bench", "text"])
        .status()?;
    ensure!(done.success(), "the benchmark failed; see above");
    Ok(())
}

/// A benchmark program, built as the images are and run against the services of the instance that is up.
fn example(package: &str, name: &str, arguments: &[&str]) -> Result<()> {
    let instance = Instance::dev()?;
    ensure!(
        instance.run.exists(),
        "this benchmark uses the running services; start them with cargo xtask up"
    );
    let done = images::cargo()?
        .args(["run", "-p", package, "--example", name])
        .args(images::PROFILE)
        .args(arguments)
        .envs(gates::environment(&instance)?)
        .status()
        .context("starting cargo")?;
    ensure!(done.success(), "the benchmark failed; see above");
    Ok(())
}
