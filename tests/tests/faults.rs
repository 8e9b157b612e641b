//! Trouble on the real cluster: a model that misbehaves, Pods and operators that are killed.
#![allow(clippy::unwrap_used)]

use crds::{ConditionType, ContentJob, find_condition, is_true};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use threads_e2e::{Cluster, manifests};

fn holds(job: &ContentJob, type_: ConditionType) -> bool {
    job.status
        .as_ref()
        .is_some_and(|status| is_true(&status.conditions, type_))
}

async fn finished(cluster: &Cluster, namespace: &str, name: &str) -> ContentJob {
    cluster
        .wait_for(namespace, name, "finished", |job: &ContentJob| {
            holds(job, ConditionType::Finished)
        })
        .await
        .unwrap()
}

async fn start(name: &str, model: &str, count: i32) -> Option<(Cluster, String)> {
    let cluster = Cluster::connect().await.unwrap()?;
    let namespace = cluster.namespace(name).await.unwrap();
    for manifest in manifests::foundation("maya", model) {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    cluster
        .apply(Some(&namespace), &manifests::job("launch", "maya", count))
        .await
        .unwrap();
    Some((cluster, namespace))
}

/// FAULTS 38, 21: garbage from the model ends in bounded attempts, then dead-lettered once; `lastError` says which.
#[tokio::test]
async fn garbage_from_the_model_is_dead_lettered_once() {
    let Some((cluster, namespace)) = start("e2e-garbage", "stand-in-writer?fault=empty", 1).await
    else {
        return;
    };
    let job = finished(&cluster, &namespace, "launch").await;
    let status = job.status.clone().unwrap();
    assert_eq!(
        find_condition(&status.conditions, ConditionType::Finished)
            .unwrap()
            .reason,
        "NoneSucceeded"
    );
    assert!(holds(&job, ConditionType::Failed) && holds(&job, ConditionType::DeadLettered));
    assert_eq!(status.last_error.unwrap().code, "InvalidModelOutput");
    let attempts = cluster
        .count("SELECT sum(retry_count)::bigint FROM tasks WHERE namespace = $1 AND status = 'dead_lettered'", &namespace)
        .await
        .unwrap();
    assert_eq!(attempts, 3);
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// FAULTS 37: a model that asks to wait is waited for, and the post is written afterwards.
#[tokio::test]
async fn a_rate_limited_model_is_waited_for() {
    let Some((cluster, namespace)) =
        start("e2e-rate", "stand-in-writer?fault=429&times=1", 1).await
    else {
        return;
    };
    let job = finished(&cluster, &namespace, "launch").await;
    assert!(holds(&job, ConditionType::Complete), "{:#?}", job.status);
    let retries = cluster
        .count(
            "SELECT sum(retry_count)::bigint FROM tasks WHERE namespace = $1",
            &namespace,
        )
        .await
        .unwrap();
    assert!(retries >= 1, "the first call was refused");
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// FAULTS 34, 36: worker Pods are killed in the middle of a run; every task still gets exactly one post.
#[tokio::test]
async fn killed_workers_lose_and_double_nothing() {
    let Some((cluster, namespace)) = start("e2e-kill-worker", "stand-in-writer", 12).await else {
        return;
    };
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &namespace);
    cluster
        .eventually("the first post is there", async || {
            Ok((!cluster.posts(&namespace, "launch").await?.is_empty()).then_some(()))
        })
        .await
        .unwrap();
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let _ = pods
            .delete(
                pod.metadata.name.as_deref().unwrap(),
                &DeleteParams::default().grace_period(0),
            )
            .await;
    }
    let job = finished(&cluster, &namespace, "launch").await;
    assert_exactly_one_post_a_task(&cluster, &namespace, &job, 12).await;
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// FAULTS 10: the operator is killed in the middle of a run.
#[tokio::test]
async fn a_killed_operator_loses_and_doubles_nothing() {
    let Some((cluster, namespace)) = start("e2e-kill-operator", "stand-in-writer", 6).await else {
        return;
    };
    let system: Api<Pod> = Api::namespaced(cluster.client.clone(), "threads-system");
    let operators = ListParams::default().labels("app.kubernetes.io/name=threads-agent");
    cluster
        .wait_for(&namespace, "launch", "accepted", |job: &ContentJob| {
            holds(job, ConditionType::Accepted)
        })
        .await
        .unwrap();
    let killed = system.list(&operators).await.unwrap().items;
    assert!(!killed.is_empty(), "no operator Pod was found to kill");
    for pod in killed {
        system
            .delete(
                pod.metadata.name.as_deref().unwrap(),
                &DeleteParams::default().grace_period(0),
            )
            .await
            .unwrap();
    }
    let job = finished(&cluster, &namespace, "launch").await;
    assert_exactly_one_post_a_task(&cluster, &namespace, &job, 6).await;
    cluster.delete_namespace(&namespace).await.unwrap();
}

async fn assert_exactly_one_post_a_task(
    cluster: &Cluster,
    namespace: &str,
    job: &ContentJob,
    count: i64,
) {
    assert!(holds(job, ConditionType::Complete), "{:#?}", job.status);
    let tasks = cluster
        .count(
            "SELECT count(*) FROM tasks WHERE namespace = $1 AND status = 'completed'",
            namespace,
        )
        .await
        .unwrap();
    let posts = cluster
        .count(
            "SELECT count(DISTINCT task_id) FROM posts WHERE namespace = $1",
            namespace,
        )
        .await
        .unwrap();
    let rows = cluster
        .count("SELECT count(*) FROM posts WHERE namespace = $1", namespace)
        .await
        .unwrap();
    let exact = cluster
        .count(
            "SELECT count(DISTINCT task_id) FROM usage WHERE namespace = $1 AND NOT estimated",
            namespace,
        )
        .await
        .unwrap();
    assert_eq!((tasks, posts, rows, exact), (count, count, count, count));
}

/// FAULTS 60: the model's key shows in no status, event or row.
#[tokio::test]
async fn the_key_of_the_model_is_never_shown() {
    let Some((cluster, namespace)) = start("e2e-canary", "stand-in-writer?fault=500", 1).await
    else {
        return;
    };
    let job = finished(&cluster, &namespace, "launch").await;
    let canary = "canary-7f3a-never-to-be-seen";
    assert!(!serde_json::to_string(&job).unwrap().contains(canary));
    let rows = cluster
        .count(
            "SELECT count(*) FROM (SELECT tasks::text AS row FROM tasks UNION ALL SELECT content_runs::text FROM content_runs
             UNION ALL SELECT personas::text FROM personas UNION ALL SELECT persona_revisions::text FROM persona_revisions) all_rows
             WHERE row LIKE '%canary-7f3a-never-to-be-seen%' AND $1 <> ''",
            &namespace,
        )
        .await
        .unwrap();
    assert_eq!(rows, 0);
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// FAULTS 15, 23: the broker and then the database are restarted in the middle of a run; nothing is lost or doubled.
#[tokio::test]
async fn a_restarted_broker_and_database_lose_and_double_nothing() {
    let Some((cluster, namespace)) = start("e2e-restart", "stand-in-writer", 12).await else {
        return;
    };
    for piece in ["rabbitmq", "postgres"] {
        cluster
            .eventually("the run is under way", async || {
                Ok(cluster
                    .posts(&namespace, "launch")
                    .await
                    .is_ok_and(|posts| !posts.is_empty())
                    .then_some(()))
            })
            .await
            .unwrap();
        threads_e2e::services::restart(piece).unwrap();
    }
    let job = finished(&cluster, &namespace, "launch").await;
    assert_exactly_one_post_a_task(&cluster, &namespace, &job, 12).await;
    cluster.delete_namespace(&namespace).await.unwrap();
}
