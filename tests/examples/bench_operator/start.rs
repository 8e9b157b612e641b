//! How long after its first line of log a new operator answers that it is ready.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams},
};
use std::time::Duration;
use threads_e2e::Cluster;

const NAMESPACE: &str = "threads-system";
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
    let ready = ready(cluster, &new).await?;
    let parameters = LogParams {
        timestamps: true,
        limit_bytes: Some(100),
        ..LogParams::default()
    };
    let log = api.logs(&new, &parameters).await?;
    let first: DateTime<Utc> = log.split(' ').next().context("no line of log")?.parse()?;
    Ok((ready - first).as_seconds_f64() * 1e3)
}

/// When the Pod first said so, asked every few milliseconds.
async fn ready(cluster: &Cluster, pod: &str) -> Result<DateTime<Utc>> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8081/proxy/readyz");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let request = http::Request::get(&path).body(Vec::new())?;
        match cluster.client.request_text(request).await {
            Ok(_) => return Ok(Utc::now()),
            Err(error) if tokio::time::Instant::now() > deadline => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
