//! What the operator costs a cluster: requests and memory when idle with many finished jobs, time from apply to Accepted,
//! status writes of many jobs at once, and, with all those jobs, a scrape of its metrics and its start.
//!
//! Runs against the cluster that the environment names, in a namespace of its own that it removes. `IDLE_MINUTES` (10), `JOBS`
//! (9,900), `AT_ONCE` (1,000) and `ONE_BY_ONE` (50) say how much.

mod accepted;
mod at_once;
mod idle;
mod requests;
mod scrape;
mod seed;
mod start;

use anyhow::{Context, Result};
use threads_e2e::Cluster;

pub const NAMESPACE: &str = "bench-operator";

fn setting(name: &str, default: usize) -> Result<usize> {
    std::env::var(name).map_or(Ok(default), |text| {
        text.parse().with_context(|| format!("{name}={text}"))
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let cluster = Cluster::connect()
        .await?
        .context("no cluster: start one with cargo xtask up")?;
    cluster.namespace(NAMESPACE).await?;
    seed::foundation(&cluster).await?;
    accepted::measure(&cluster, setting("ONE_BY_ONE", 50)?).await?;
    at_once::measure(&cluster, setting("AT_ONCE", 1000)?).await?;
    seed::finished_jobs(&cluster, setting("JOBS", 9900)?).await?;
    idle::settle(&cluster).await?;
    scrape::measure(&cluster, 50).await?;
    start::measure(&cluster, 5).await?;
    idle::measure(&cluster, setting("IDLE_MINUTES", 10)?).await?;
    println!("removing namespace {NAMESPACE}");
    cluster.delete_namespace(NAMESPACE).await
}
