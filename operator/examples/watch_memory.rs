//! What the controller of a kind takes: so many finished ContentJobs, as the API server lists them, through the operator's own
//! watch pipeline and kube's controller, each read whole once as the first reconcile does.
//!
//! `JOBS` (9,900) and `PAGE` (the operator's) say how many, and how many in one answer; `AGAIN` (0) after how many seconds a job
//! at rest is looked at again, none where it is 0. Prints the resident memory of the process in MiB, without what is of its file.

use anyhow::Context;
use crds::ContentJob;
use futures::{FutureExt, StreamExt, future, stream};
use kube::{
    core::{ObjectList, PartialObjectMeta},
    runtime::{
        Controller,
        controller::{Action, Config},
        watcher::Event,
    },
};
use operator::controller::watch::{PAGE, changed, kept, store};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

type Seen = PartialObjectMeta<ContentJob>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let setting =
        |name: &str, default: u32| std::env::var(name).map_or(Ok(default), |it| it.parse());
    let (jobs, page, again) = (
        setting("JOBS", 9_900)?,
        setting("PAGE", PAGE)?,
        setting("AGAIN", 0)?,
    );
    let before = resident()?;
    let (living, writer) = store::<ContentJob>();
    let listed = stream::iter((0..jobs).step_by(page as usize)).flat_map(move |first| {
        let events = answer(first, page.min(jobs - first)).into_iter();
        stream::iter(events.map(|object| Ok(Event::InitApply(object))))
    });
    let seen = stream::iter([Ok(Event::Init)])
        .chain(listed)
        .chain(stream::iter([Ok(Event::InitDone)]))
        // The watch goes on, and tells nothing.
        .chain(future::pending().into_stream());
    let progress = Arc::new(Progress::default());
    let controller = Controller::for_stream(changed(kept(seen, writer)), living.clone())
        .with_config(Config::default().concurrency(16))
        .run(
            move |_, progress: Arc<Progress>| async move {
                let n = progress.read.fetch_add(1, Ordering::Relaxed) + 1;
                // On any thread, as the decoding of an answer is.
                let _ = tokio::spawn(async move { whole(n) }).await;
                if n == jobs {
                    progress.done.notify_one();
                }
                Ok::<_, Infallible>(match again {
                    0 => Action::await_change(),
                    seconds => Action::requeue(Duration::from_secs(seconds.into())),
                })
            },
            |_, never, _| match *never {},
            progress.clone(),
        );
    let running = tokio::spawn(controller.for_each(async |_| ()));
    progress.done.notified().await;
    let read = resident()?;
    // Allocators give pages back when asked again, or after a while.
    tokio::time::sleep(Duration::from_secs(15)).await;
    println!(
        "{} ContentJobs in pages of {page}: {before:.1} MiB before, {read:.1} when each was read once, {:.1} after 15 s",
        living.len(),
        resident()?
    );
    running.abort();
    Ok(())
}

/// How many objects were read.
#[derive(Default)]
struct Progress {
    read: AtomicU32,
    done: Notify,
}

/// One answer of the API server to a list of metadata, as bytes and then as objects.
fn answer(first: u32, count: u32) -> Vec<Seen> {
    let items: Vec<Value> = (first..first + count)
        .map(|n| json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata(n) }))
        .collect();
    let list = json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {}, "items": items });
    let bytes = list.to_string();
    drop(list);
    serde_json::from_str::<ObjectList<Seen>>(&bytes).map_or_else(|_| Vec::new(), |list| list.items)
}

fn metadata(n: u32) -> Value {
    json!({
        "name": format!("done-{n}"),
        "namespace": "bench-operator",
        "uid": format!("7f1c2d3e-0000-4000-8000-{n:012}"),
        "resourceVersion": format!("{}", 100_000 + n),
        "generation": 1,
        "creationTimestamp": "2026-11-23T00:00:00Z",
        "managedFields": [
            { "manager": "kubectl", "operation": "Update", "apiVersion": "threads-agent.io/v1alpha1", "time": "2026-11-23T00:00:00Z",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": fields(20) } },
            { "manager": "threads-operator", "operation": "Update", "apiVersion": "threads-agent.io/v1alpha1", "time": "2026-11-23T00:00:00Z",
              "fieldsType": "FieldsV1", "fieldsV1": { "f:status": fields(60) }, "subresource": "status" },
        ],
    })
}

fn fields(count: u32) -> Value {
    (0..count)
        .map(|n| (format!("f:field{n}"), json!({ ".": {}, "f:type": {} })))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What a reconcile of a job at rest reads.
fn whole(n: u32) -> usize {
    let conditions: Vec<Value> = (0..12)
        .map(|n| json!({ "type": format!("Type{n}"), "status": "True", "reason": "AllSucceeded", "message": "1 of 1 stored",
            "lastTransitionTime": "2026-11-23T00:00:00Z", "observedGeneration": 1 }))
        .collect();
    let text = json!({
        "apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob", "metadata": metadata(n),
        "spec": { "personaRef": { "name": "maya" }, "input": { "text": "The launch of the week" }, "count": 1 },
        "status": { "observedGeneration": 1, "conditions": conditions },
    })
    .to_string();
    serde_json::from_str::<ContentJob>(&text)
        .map_or(0, |job| job.metadata.name.map_or(0, |name| name.len()))
}

/// Resident memory of this process in MiB, that of its file excepted.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .context("RssAnon")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
