//! A backfill of recorded pull requests from the stand-in of GitHub's REST API, by a worker process of its own: time, requests, the
//! worker's greatest resident memory; then the same with a kill in the middle, and how much was asked for twice.
//!
//! ```text
//! TEST_POSTGRES_SUPERUSER_URL=postgres://… cargo run --profile image -p threads-worker --example bench_backfill -- --pulls 10000
//! ```
//! Prints one JSON object. The goals are less than 100 MB, every record once, and nothing recorded twice after the kill.
#![allow(clippy::unwrap_used)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use clap::Parser;
use serde_json::{Value, json};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::backfill::Scene;
use worker::backfill::{cli::Settings, run::run};

/// Tells this program to be the worker.
const AS_WORKER: &str = "BENCH_BACKFILL_AS_WORKER";
const GOAL_MB: f64 = 100.0;

/// How much to measure.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 10_000)]
    pulls: u32,
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if std::env::var_os(AS_WORKER).is_some() {
        runtime.block_on(Box::pin(run(&Settings::parse_from(["worker"]))));
        println!("{}", peak_mb(std::process::id()).unwrap_or_default());
        return;
    }
    runtime.block_on(measure(Arguments::parse().pulls));
}

async fn measure(pulls: u32) {
    let (Some(whole), Some(killed)) = (Scene::create(pulls).await, Scene::create(pulls).await)
    else {
        return;
    };
    let started = Instant::now();
    let peak = finish(worker(&whole)).await;
    let seconds = started.elapsed().as_secs_f64();
    let requests = whole.stand.world.count(|_, _| true);
    let records = whole.records().await;
    whole.stand.world.forget_asked();
    finish(worker(&whole)).await;
    let again = json!({"requests": whole.stand.world.count(|_, _| true), "counted": whole.stand.world.count(|status, _| status != 304)});
    let kill = after_a_kill(&killed, pulls).await;
    println!(
        "{}",
        json!({
            "bench": "backfill", "pulls": pulls, "records": records, "evidence": whole.evidence().await, "seconds": seconds,
            "pullsPerSecond": f64::from(pulls) / seconds, "requests": requests, "peakMb": peak, "goalMb": GOAL_MB,
            "again": again, "killed": kill,
            "reached": peak < GOAL_MB && records == i64::from(pulls) && kill["records"] == pulls,
        })
    );
}

/// Kills the worker once half of the pull requests were asked for, and lets another one go on.
async fn after_a_kill(scene: &Scene, pulls: u32) -> Value {
    let mut first = worker(scene);
    while scene.asked_of_each().len() < pulls as usize / 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let peak_before = peak_mb(first.id());
    first.kill().unwrap();
    first.wait().unwrap();
    let stored = scene.records().await;
    let peak = finish(worker(scene)).await;
    let asked = scene.asked_of_each();
    json!({
        "storedAtTheKill": stored, "records": scene.records().await, "peakMbBefore": peak_before, "peakMb": peak,
        "repeatedPullRequests": asked.iter().filter(|times| **times > 1).count(),
        "neverAsked": pulls as usize - asked.len(),
    })
}

fn worker(scene: &Scene) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(AS_WORKER, "1")
        .env("THREADS_SOURCE_UID", scene.office.source.to_string())
        .env("THREADS_CREDENTIALS_DIGEST", "credentials")
        .env("CREDENTIALS_DIR", scene.files.join("credentials"))
        .env("KEYS_DIR", scene.files.join("keys"))
        .env("HTTPS_PROXY", "")
        .env("CA_BUNDLE", "")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The greatest resident memory that the worker says it had, in MB (10^6 bytes).
async fn finish(child: Child) -> f64 {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.lines().last().unwrap().parse().unwrap()
}

/// From `/proc`, whose unit is 1,024 bytes.
fn peak_mb(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1_024.0 / 1e6)
}
