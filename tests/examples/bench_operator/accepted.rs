//! From `create` to `Accepted`, one job after another on an idle cluster, by a watcher's clock.

use crate::NAMESPACE;
use anyhow::{Context, Result, ensure};
use crds::{ConditionType, ContentJob, is_true};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams},
};
use std::time::{Duration, Instant};
use threads_e2e::{Cluster, manifests};

pub async fn measure(cluster: &Cluster, count: usize) -> Result<()> {
    let api: Api<ContentJob> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let mut times = Vec::with_capacity(count);
    for n in 0..count {
        times.push(one(cluster, &api, &format!("one-{n}")).await?);
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "apply to Accepted, {count} jobs one after another: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms",
        at(0.5),
        at(0.95),
        at(1.0)
    );
    Ok(())
}

async fn one(cluster: &Cluster, api: &Api<ContentJob>, name: &str) -> Result<Duration> {
    let mut manifest = manifests::job(name, "maya", 1);
    // A plan costs no Pod's writing, and is accepted like any other job.
    manifest["spec"]["mode"] = "Plan".into();
    let job: ContentJob = serde_json::from_value(manifest)?;
    let from = api.list_metadata(&ListParams::default().limit(1)).await?;
    let version = from.metadata.resource_version.unwrap_or_default();
    let of_job = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = api.watch(&of_job, &version).await?.boxed();
    let began = Instant::now();
    api.create(&PostParams::default(), &job).await?;
    loop {
        let event = events.try_next().await?.context("the watch ended")?;
        if let WatchEvent::Modified(job) | WatchEvent::Added(job) = event
            && job
                .status
                .as_ref()
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Accepted))
        {
            let taken = began.elapsed();
            finish(cluster, api, &job.name_any()).await?;
            return Ok(taken);
        }
        ensure!(
            began.elapsed() < Duration::from_secs(60),
            "{name} was never accepted"
        );
    }
}

/// The next one finds an idle cluster: the job is gone, and so are its worker Jobs and their Pods.
async fn finish(cluster: &Cluster, api: &Api<ContentJob>, name: &str) -> Result<()> {
    let done =
        kube::runtime::wait::await_condition(api.clone(), name, |job: Option<&ContentJob>| {
            job.and_then(|job| job.status.as_ref())
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Finished))
        });
    tokio::time::timeout(Duration::from_secs(120), done).await??;
    api.delete(name, &DeleteParams::default()).await?;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let jobs: Api<Job> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let all = ListParams::default();
    let began = Instant::now();
    loop {
        let left = pods.list_metadata(&all).await?.items.len()
            + jobs.list_metadata(&all).await?.items.len()
            + usize::from(api.get_metadata_opt(name).await?.is_some());
        if left == 0 {
            // What watches the cluster has its last events to look at.
            tokio::time::sleep(Duration::from_millis(500)).await;
            return Ok(());
        }
        ensure!(
            began.elapsed() < Duration::from_secs(120),
            "{left} objects of {name} do not go"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
