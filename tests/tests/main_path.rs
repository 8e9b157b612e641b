//! The main path on the real cluster: from `apply` to posts that worker Pods wrote.
#![allow(clippy::unwrap_used)]

use crds::{ConditionType, ContentJob, Persona, is_true};
use serde_json::json;
use threads_e2e::{Cluster, api::Api, manifests};

fn condition(job: &ContentJob, type_: ConditionType) -> bool {
    job.status
        .as_ref()
        .is_some_and(|status| is_true(&status.conditions, type_))
}

#[tokio::test]
async fn a_content_job_becomes_posts() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-main").await.unwrap();
    for manifest in manifests::foundation("maya", "stand-in-writer") {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    cluster
        .wait_for(&namespace, "maya", "ready", |persona: &Persona| {
            persona
                .status
                .as_ref()
                .is_some_and(|status| is_true(&status.conditions, ConditionType::Ready))
        })
        .await
        .unwrap();
    cluster
        .apply(Some(&namespace), &manifests::job("launch", "maya", 3))
        .await
        .unwrap();
    let job = cluster
        .wait_for(&namespace, "launch", "complete", |job: &ContentJob| {
            condition(job, ConditionType::Finished)
        })
        .await
        .unwrap();
    assert!(
        condition(&job, ConditionType::Complete),
        "{:#?}",
        job.status
    );
    let posts = cluster
        .eventually("every post has its point", async || {
            let posts = cluster.posts(&namespace, "launch").await?;
            Ok(posts.iter().all(|post| post.point_stored).then_some(posts))
        })
        .await
        .unwrap();
    assert_eq!(posts.len(), 3);
    for post in &posts {
        assert!(
            post.hook.len() > 10 && post.body.len() > 40,
            "both hook and body survive to the end: {post:?}"
        );
        assert_ne!(post.hook, post.body);
        assert!(post.stand_in, "what the stand-in wrote says so");
    }
    edit(&cluster, &namespace).await;
    let status = job.status.unwrap();
    assert_eq!(
        status.counts.as_ref().map(|counts| counts.succeeded),
        Some(3)
    );
    assert_eq!(status.posts.len(), 3);
    let events = cluster.event_reasons(&namespace, "launch").await.unwrap();
    assert!(!events.is_empty(), "events tell the story");
    cluster.delete_namespace(&namespace).await.unwrap();
}

/// An edited post is embedded again by a worker's Pod.
async fn edit(cluster: &Cluster, namespace: &str) {
    let api = Api::connect(cluster, namespace).await.unwrap();
    let posts = api.get("/content/posts?job=launch").await.unwrap();
    let path = format!(
        "/content/posts/{}",
        posts["items"][0]["id"].as_str().unwrap()
    );
    let text = json!({"hook": "A person wrote this hook.", "body": "And this body, about something else than before."});
    assert_eq!(api.put(&path, &text).await.unwrap()["revision"], 1);
    cluster
        .eventually("the edited post is embedded", async || {
            let post = api.get(&path).await?;
            Ok((post["embeddedRevision"] == 1).then_some(()))
        })
        .await
        .unwrap();
}
