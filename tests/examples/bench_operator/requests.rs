//! What the API server and the operator say of themselves.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use threads_e2e::Cluster;

/// Requests by group, resource, verb and code since the API server began; watches are one request each.
pub async fn of_apiserver(cluster: &Cluster) -> Result<BTreeMap<String, u64>> {
    let text = get(cluster, "/metrics").await?;
    let mut requests = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("apiserver_request_total{") else {
            continue;
        };
        let (labels, count) = rest.rsplit_once("} ").context("a metric's line")?;
        let label = |name: &str| {
            labels
                .split(',')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=\"")))
                .map_or("", |value| value.trim_end_matches('"'))
        };
        let key = format!(
            "{}/{}/{} {} {}",
            label("group"),
            label("resource"),
            label("subresource"),
            label("verb"),
            label("code")
        );
        *requests.entry(key).or_default() += count.parse::<f64>()? as u64;
    }
    Ok(requests)
}

/// What grew between two readings.
pub fn growth(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    after
        .iter()
        .map(|(key, count)| (key.clone(), count - before.get(key).copied().unwrap_or(0)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Resident memory of the operator in MiB.
pub async fn operator_memory(cluster: &Cluster) -> Result<f64> {
    let text = operator_metrics(cluster).await?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "))
        .context("the operator's metrics lack process_resident_memory_bytes")?;
    Ok(line.parse::<f64>()? / 1024.0 / 1024.0)
}

pub async fn operator_metrics(cluster: &Cluster) -> Result<String> {
    let path =
        "/api/v1/namespaces/threads-system/services/threads-agent-metrics:metrics/proxy/metrics";
    get(cluster, path).await
}

async fn get(cluster: &Cluster, path: &str) -> Result<String> {
    let request = http::Request::get(path).body(Vec::new())?;
    Ok(cluster.client.request_text(request).await?)
}
