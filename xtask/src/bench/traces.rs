//! What traces cost a worker: CPU a post with one task in ten traced, beside none, in pairs that alternate.

use super::program;
use crate::{gates, native::traces, paths::Instance};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::process::Stdio;

const PAIRS: usize = 12;
/// Student's t for eleven degrees of freedom, 97.5 %.
const T: f64 = 2.201;
const POSTS: &str = "2000";

/// Prints the mean overhead in percent with its 95 % interval, over pairs of which each has its two runs in the other order than
/// the one before.
pub fn run() -> Result<()> {
    let instance = Instance::dev()?;
    let endpoint = traces::endpoint(&instance)
        .context("this benchmark sends to Jaeger; start it with cargo xtask up --traces")?;
    let mut overheads = Vec::new();
    for pair in 0..PAIRS {
        let mut seconds = [0.0; 2];
        for traced in [pair % 2 == 0, pair % 2 == 1] {
            let receiver = traced.then_some(endpoint.as_str());
            seconds[usize::from(traced)] = cpu_a_post(&instance, receiver)?;
        }
        let overhead = 100.0 * (seconds[1] / seconds[0] - 1.0);
        println!(
            "pair {}: {:.3} ms and {:.3} ms of CPU a post, {overhead:+.1} %",
            pair + 1,
            1000.0 * seconds[0],
            1000.0 * seconds[1]
        );
        overheads.push(overhead);
    }
    let count = overheads.len() as f64;
    let mean = overheads.iter().sum::<f64>() / count;
    let squares: f64 = overheads.iter().map(|it| (it - mean).powi(2)).sum();
    let half = T * (squares / (count - 1.0) / count).sqrt();
    println!(
        "traces of one task in ten: {mean:+.1} % CPU a post, 95 % interval {:+.1} to {:+.1} % (goal: at most 3 %)",
        mean - half,
        mean + half
    );
    Ok(())
}

/// Seconds of one run of the worker's benchmark, divided by its posts; traced where there is a receiver.
fn cpu_a_post(instance: &Instance, receiver: Option<&str>) -> Result<f64> {
    let arguments = ["--", "--posts", POSTS, "--traced"];
    let count = arguments.len() - usize::from(receiver.is_none());
    let mut command = program("threads-worker", "bench_worker", &arguments[..count])?;
    command
        .envs(gates::environment(instance)?)
        .env("RUST_LOG", "warn")
        .stderr(Stdio::inherit());
    if let Some(receiver) = receiver {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver);
    }
    let done = command.output().context("starting cargo")?;
    ensure!(done.status.success(), "the benchmark failed; see above");
    let said = String::from_utf8_lossy(&done.stdout);
    let line = said.lines().find(|line| line.contains("\"cpuSeconds\""));
    let figures: Value = serde_json::from_str(line.context("no figures")?)?;
    let figure = |name: &str| figures[name].as_f64().context("a figure is missing");
    Ok(figure("cpuSeconds")? / figure("posts")?)
}
