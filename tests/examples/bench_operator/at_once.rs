//! Many jobs of one task at once: how long until all are finished, how often each one's status was written, and whether the API
//! server ever said that it was too much.

use crate::{NAMESPACE, requests};
use anyhow::{Context, Result};
use crds::{ConditionType, ContentJob, is_true};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};
use threads_e2e::{Cluster, manifests};

pub async fn measure(cluster: &Cluster, count: usize) -> Result<()> {
    let api: Api<ContentJob> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let before = requests::of_apiserver(cluster).await?;
    let from = api.list_metadata(&ListParams::default()).await?;
    let version = from.metadata.resource_version.unwrap_or_default();
    let began = Instant::now();
    let (_, writes) = tokio::try_join!(create(&api, count), follow(&api, &version, count))?;
    let seconds = began.elapsed().as_secs_f64();
    let refused: u64 = requests::growth(&before, &requests::of_apiserver(cluster).await?)
        .into_iter()
        .filter(|(key, _)| key.ends_with(" 429"))
        .map(|(_, count)| count)
        .sum();
    let mut histogram: Vec<(usize, usize)> = Vec::new();
    for writes in writes.values() {
        match histogram.iter_mut().find(|(number, _)| number == writes) {
            Some((_, jobs)) => *jobs += 1,
            None => histogram.push((*writes, 1)),
        }
    }
    histogram.sort_unstable();
    println!(
        "{count} jobs at once: finished after {seconds:.1} s; status writes (writes, jobs): {histogram:?}; answers 429: {refused}"
    );
    api.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    cluster
        .eventually("the jobs are gone", async || {
            Ok(api
                .list_metadata(&ListParams::default().limit(1))
                .await?
                .items
                .is_empty()
                .then_some(()))
        })
        .await
}

async fn create(api: &Api<ContentJob>, count: usize) -> Result<()> {
    stream::iter(0..count)
        .map(|n| async move {
            let job: ContentJob =
                serde_json::from_value(manifests::job(&format!("many-{n}"), "maya", 1))?;
            anyhow::Ok(api.create(&PostParams::default(), &job).await?)
        })
        .buffer_unordered(64)
        .try_collect::<Vec<_>>()
        .await
        .map(drop)
}

/// Changes of each job's status until all are finished.
async fn follow(
    api: &Api<ContentJob>,
    version: &str,
    count: usize,
) -> Result<HashMap<String, usize>> {
    let mut statuses: HashMap<String, Value> = HashMap::new();
    let mut writes: HashMap<String, usize> = HashMap::new();
    let mut finished = HashSet::new();
    let mut version = version.to_owned();
    let deadline = Instant::now() + Duration::from_secs(900);
    while finished.len() < count && Instant::now() < deadline {
        let params = WatchParams::default().timeout(60);
        let mut events = api.watch(&params, &version).await?.boxed();
        while let Some(event) = events.try_next().await? {
            let (WatchEvent::Added(job) | WatchEvent::Modified(job)) = event else {
                continue;
            };
            version = job.resource_version().unwrap_or_default();
            let (name, status) = (job.name_any(), serde_json::to_value(&job.status)?);
            let done = job
                .status
                .as_ref()
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Finished));
            if done {
                finished.insert(name.clone());
            }
            if let Some(old) = statuses.insert(name.clone(), status.clone())
                && old != status
            {
                *writes.entry(name).or_default() += 1;
            }
            if finished.len() == count {
                break;
            }
        }
    }
    (finished.len() == count)
        .then_some(writes)
        .with_context(|| format!("{} of {count} finished in 900 s", finished.len()))
}
