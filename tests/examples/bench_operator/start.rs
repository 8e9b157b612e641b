//! How old the process of a new operator is when it first answers that it is ready. The node must be this machine, as it is with
//! `cargo xtask up`.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use std::{fs, time::Duration};
use threads_e2e::Cluster;

const NAMESPACE: &str = "threads-system";
/// What the command of its process begins with.
const OPERATOR: &str = "/operator\0run";
/// Of the kernel's clock, as user space is told of it.
const TICKS_A_SECOND: f64 = 100.0;
const LABEL: &str = "app.kubernetes.io/name=threads-agent";

pub async fn measure(cluster: &Cluster, starts: usize) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..starts {
        times.push(once(cluster).await?);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "operator start to ready: {:.0} ms median, {:.0} ms at most of {starts}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    Ok(())
}

/// Milliseconds.
async fn once(cluster: &Cluster) -> Result<f64> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let all = ListParams::default().labels(LABEL);
    let old: Vec<String> = api
        .list(&all)
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    api.delete_collection(&DeleteParams::default(), &all)
        .await?;
    let new = cluster
        .eventually("a new operator's Pod", async || {
            let pods = api.list(&all).await?;
            Ok(pods
                .iter()
                .map(ResourceExt::name_any)
                .find(|name| !old.contains(name)))
        })
        .await?;
    ready(cluster, &new).await?;
    let age = age_of_youngest().context("no process of an operator on this machine")?;
    Ok(age * 1e3)
}

/// Seconds since the youngest operator was started, to a hundredth.
fn age_of_youngest() -> Option<f64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let ages = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let command = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The 22nd field; the second one, in brackets, may hold spaces.
        let ticks: f64 = stat.rsplit(')').next()?.split(' ').nth(20)?.parse().ok()?;
        command
            .starts_with(OPERATOR)
            .then_some(uptime - ticks / TICKS_A_SECOND)
    });
    ages.min_by(f64::total_cmp)
}

/// Asks every few milliseconds until the Pod says so.
async fn ready(cluster: &Cluster, pod: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8081/proxy/readyz");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let request = http::Request::get(&path).body(Vec::new())?;
        match cluster.client.request_text(request).await {
            Ok(_) => return Ok(()),
            Err(error) if tokio::time::Instant::now() > deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
