//! How long a scrape of the operator's metrics takes and how many series it yields, through the API server's proxy.

use crate::requests;
use anyhow::Result;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use threads_e2e::Cluster;

pub async fn measure(cluster: &Cluster, scrapes: usize) -> Result<()> {
    let mut times = Vec::new();
    let mut text = String::new();
    for _ in 0..scrapes {
        let began = Instant::now();
        text = requests::operator_metrics(cluster).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &series {
        if let Some(kind) = line
            .split("kind=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
        {
            *by_kind.entry(kind).or_default() += 1;
        }
    }
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or(Duration::ZERO)
    };
    println!(
        "/metrics of the operator: {:.1} ms median, {:.1} ms at the 95th percentile of {scrapes}; {} series, by kind {by_kind:?}",
        at(50).as_secs_f64() * 1e3,
        at(95).as_secs_f64() * 1e3,
        series.len(),
    );
    Ok(())
}
