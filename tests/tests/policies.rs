//! Resources of every kind that say `deletionPolicy: Delete`: each is held until what it owned is gone, and the namespace still goes.
#![allow(clippy::unwrap_used)]

use crds::{ConditionType, ContentJob, is_true};
use kube::ResourceExt;
use serde_json::{Value, json};
use threads_e2e::{Cluster, api::Api, experiments::experiment, manifests};

fn deleting(mut manifest: Value) -> Value {
    manifest["spec"]["deletionPolicy"] = json!("Delete");
    manifest
}

fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Everything but the Experiment, which comes through the REST API.
fn declared() -> Vec<Value> {
    let mut job = manifests::job("from-a-file", "maya", 1);
    job["spec"]["input"] = json!({"configMapKeyRef": {"name": "inputs", "key": "text"}});
    vec![
        manifests::model_key(),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inputs"},
            "data": {"text": "We moved our build from forty minutes to four."}}),
        deleting(manifests::template()),
        deleting(manifests::persona("maya", "stand-in-writer")),
        deleting(job),
        deleting(resource(
            "Achievement",
            "drill",
            json!({"source": {"type": "Manual"}, "facts": {"title": "Restore drill, down from a day to an hour",
                "description": "Wrote the runbook and ran the drill with both teams on call.",
                "startedAt": "2026-09-01T08:00:00Z", "completedAt": "2026-09-18T15:30:00Z"}}),
        )),
        deleting(resource(
            "AchievementSource",
            "shop",
            json!({"github": {"owner": "acme", "repository": "shop"}}),
        )),
    ]
}

/// FAULTS 46, for every kind.
#[tokio::test]
async fn each_kind_is_held_and_the_namespace_goes() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-policies").await.unwrap();
    for manifest in declared() {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    let api = Api::connect(&cluster, &namespace).await.unwrap();
    let made = deleting(experiment(&json!({})));
    let told = json!({"name": "hooks", "spec": made["spec"]});
    let answer = api.post("/experiments/create", &told).await.unwrap();
    assert_eq!(answer["name"], "hooks", "{answer}");
    api.post("/experiments/hooks/start", &json!({}))
        .await
        .unwrap();

    for (kind, name) in [
        ("PromptTemplate", "launch"),
        ("Persona", "maya"),
        ("ContentJob", "from-a-file"),
        ("Experiment", "hooks"),
        ("Achievement", "drill"),
        ("AchievementSource", "shop"),
    ] {
        cluster
            .eventually("the finalizer", async || {
                let object = cluster.get(&namespace, kind, name).await?;
                Ok((!object.finalizers().is_empty()).then_some(()))
            })
            .await
            .unwrap_or_else(|error| panic!("{kind} {name}: {error:#}"));
    }
    cluster
        .wait_for(&namespace, "from-a-file", "complete", |job: &ContentJob| {
            job.status
                .as_ref()
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Complete))
        })
        .await
        .unwrap();
    cluster.delete_namespace(&namespace).await.unwrap();
}
