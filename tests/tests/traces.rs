//! One trace from apply to post, read back from a real receiver.
#![allow(clippy::unwrap_used)]

use crds::common::meta::{ANNOTATION_TRACEPARENT, LABEL_CONTENT_JOB};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;
use std::collections::BTreeMap;
use threads_e2e::{
    Cluster,
    jaeger::{Jaeger, Span},
    manifests,
};
use uuid::Uuid;

/// The span of the caller, who sends his own spans elsewhere.
const CALLER: &str = "b7ad6b7169203331";
const OPERATOR: &str = "threads-agent-operator";
const WORKER: &str = "threads-agent-worker";
/// Every span of a job of one post: service, name, parent.
const SHAPE: [(&str, &str, &str); 11] = [
    (OPERATOR, "accept ContentJob", CALLER),
    (OPERATOR, "create run", "accept ContentJob"),
    (OPERATOR, "send content.generation", "accept ContentJob"),
    (WORKER, "attempt", "accept ContentJob"),
    // The hook, and the body that follows it.
    (WORKER, "chat stand-in-writer", "attempt"),
    (WORKER, "chat stand-in-writer", "attempt"),
    (WORKER, "commit the post", "attempt"),
    (WORKER, "embeddings stand-in-embedding", "attempt"),
    (WORKER, "nearest", "attempt"),
    (
        WORKER,
        "receive content.generation",
        "send content.generation",
    ),
    (WORKER, "upsert", "attempt"),
];

#[tokio::test]
async fn one_trace_tells_the_way_from_apply_to_post() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let Some(jaeger) = Jaeger::connect() else {
        return;
    };
    let namespace = cluster.namespace("e2e-traces").await.unwrap();
    for manifest in manifests::foundation("maya", "stand-in-writer") {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    cluster
        .wait_for_condition(&namespace, "Persona", "maya", "Ready", "True")
        .await
        .unwrap();
    let unsampled = write(&cluster, &namespace, "unsampled", "00").await;
    let sampled = write(&cluster, &namespace, "sampled", "01").await;

    let spans = cluster
        .eventually("every span has arrived", async || {
            let spans = jaeger.trace(&sampled).await?;
            Ok((spans.len() >= SHAPE.len()).then_some(spans))
        })
        .await
        .unwrap();
    let mut shape: Vec<_> = (spans.iter())
        .map(|span| {
            let parent = span.parent.as_deref().unwrap_or_default();
            (span.service.as_str(), span.name.as_str(), parent)
        })
        .collect();
    shape.sort_unstable();
    let mut expected = SHAPE;
    expected.sort_unstable();
    assert_eq!(shape, expected);
    told_nothing_private(&cluster, &namespace, &spans).await;
    assert!(
        jaeger.trace(&unsampled).await.unwrap().is_empty(),
        "the caller did not want this one"
    );
    logs_name(&cluster, &namespace, "sampled", &sampled).await;
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// Writes one post under a trace of the caller's; answers the trace's id.
async fn write(cluster: &Cluster, namespace: &str, name: &str, flags: &str) -> String {
    let trace = Uuid::new_v4().simple().to_string();
    let mut job = manifests::job(name, "maya", 1);
    job["metadata"]["annotations"] =
        json!({ ANNOTATION_TRACEPARENT: format!("00-{trace}-{CALLER}-{flags}") });
    cluster.apply(Some(namespace), &job).await.unwrap();
    cluster
        .wait_for_condition(namespace, "ContentJob", name, "Complete", "True")
        .await
        .unwrap();
    trace
}

/// Names and numbers, but no text and no key.
async fn told_nothing_private(cluster: &Cluster, namespace: &str, spans: &[Span]) {
    let posts = cluster.posts(namespace, "sampled").await.unwrap();
    for span in spans {
        assert_eq!(span.events, 0, "{span:?}");
        let told = json!(span.tags).to_string();
        for private in [&posts[0].hook, &posts[0].body] {
            assert!(!told.contains(private.as_str()), "{told}");
        }
        assert!(!told.contains("canary"), "{told}");
    }
    let tags: BTreeMap<_, _> = (spans.iter())
        .map(|span| (span.name.as_str(), &span.tags))
        .collect();
    assert_eq!(
        tags["accept ContentJob"]["threads.content_job.name"],
        "sampled"
    );
    assert_eq!(tags["upsert"]["db.system.name"], "qdrant");
    assert!(tags["chat stand-in-writer"]["gen_ai.usage.output_tokens"].as_i64() > Some(0));
}

/// A worker's lines name the trace that they belong to.
async fn logs_name(cluster: &Cluster, namespace: &str, job: &str, trace: &str) {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let workers = ListParams::default().labels(&format!("{LABEL_CONTENT_JOB}={job}"));
    let mut lines = String::new();
    for pod in pods.list(&workers).await.unwrap() {
        lines.push_str(
            &pods
                .logs(&pod.name_any(), &Default::default())
                .await
                .unwrap(),
        );
    }
    let ended: Vec<&str> = (lines.lines())
        .filter(|line| line.contains("attempt ended"))
        .collect();
    assert_eq!(ended.len(), 1, "{lines}");
    let line: serde_json::Value = serde_json::from_str(ended[0]).unwrap();
    assert_eq!(line["trace_id"], trace);
}
