//! Requests to the API server and the operator's memory while nothing changes.

use crate::requests;
use anyhow::Result;
use std::time::Duration;
use threads_e2e::Cluster;

/// Kinds that nobody but the operator asks for here.
const OWN_GROUP: &str = "threads-agent.io/";

pub async fn measure(cluster: &Cluster, minutes: usize) -> Result<()> {
    settle(cluster).await?;
    println!("settled; measuring for {minutes} minutes");
    let before = requests::of_apiserver(cluster).await?;
    let mut most = 0.0_f64;
    for _ in 0..minutes * 6 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        most = most.max(requests::operator_memory(cluster).await?);
    }
    let grown = requests::growth(&before, &requests::of_apiserver(cluster).await?);
    let (watches, others): (Vec<_>, Vec<_>) = grown
        .into_iter()
        .filter(|(key, _)| key.starts_with(OWN_GROUP))
        .partition(|(key, _)| key.contains(" WATCH "));
    let sum = |requests: &[(String, u64)]| requests.iter().map(|(_, count)| count).sum::<u64>();
    println!(
        "idle for {minutes} minutes: {} requests for {OWN_GROUP} kinds beside {} watch re-opens {others:?}; operator {most:.1} MiB at most",
        sum(&others),
        sum(&watches),
    );
    Ok(())
}

/// Until half a minute passes without a request for the product's kinds but watches.
pub async fn settle(cluster: &Cluster) -> Result<()> {
    let mut quiet = 0;
    while quiet < 3 {
        let before = requests::of_apiserver(cluster).await?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let grown = requests::growth(&before, &requests::of_apiserver(cluster).await?);
        let busy = grown
            .iter()
            .any(|(key, _)| key.starts_with(OWN_GROUP) && !key.contains(" WATCH "));
        quiet = if busy { 0 } else { quiet + 1 };
    }
    Ok(())
}
