//! From a signed webhook to an analysed record with its evidence, on the real cluster.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use threads_e2e::{Cluster, api::Api};

const SECRET: &str = "an-end-to-end-secret-of-32-bytes";
const MERGE: &str = "0123456789abcdef0123456789abcdef01234567";

fn manifests() -> [Value; 2] {
    [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook",
            "labels": {"threads-agent.io/use": "webhook"}, "annotations": {"threads-agent.io/hosts": "api.github.com"}},
            "stringData": {"webhook-secret": SECRET}}),
        json!({"apiVersion": "threads-agent.io/v1alpha1", "kind": "AchievementSource", "metadata": {"name": "shop"},
            "spec": {"github": {"owner": "acme", "repository": "shop"}, "webhook": {"secretRef": {"name": "hook"}}}}),
    ]
}

fn repository() -> Value {
    json!({"id": 7, "full_name": "acme/shop", "default_branch": "main", "private": false, "visibility": "public"})
}

fn merged() -> Value {
    json!({"action": "closed", "number": 3, "repository": repository(), "pull_request": {
        "number": 3, "title": "feat: export invoices", "body": "Closes #2.\n\nSaves the team 6 hours a week.", "merged": true,
        "html_url": "https://github.com/acme/shop/pull/3", "created_at": "2026-01-02T00:00:00Z",
        "merged_at": "2026-01-03T00:00:00Z", "updated_at": "2026-01-03T00:00:05Z", "merge_commit_sha": MERGE,
        "user": {"login": "ada", "type": "User"}, "labels": [{"name": "feature"}],
        "base": {"ref": "main"}, "head": {"ref": "export", "sha": MERGE}, "review_comments": 4}})
}

fn deployed() -> Value {
    json!({"action": "created", "repository": repository(),
        "deployment": {"id": 11, "sha": MERGE, "environment": "production", "creator": {"login": "ada", "type": "User"}},
        "deployment_status": {"state": "success", "created_at": "2026-01-05T00:00:00Z"}})
}

/// Also FAULTS 51: a delivery that comes twice changes nothing.
#[tokio::test]
async fn a_signed_webhook_becomes_an_analysed_record_with_its_evidence() {
    let Some(cluster) = Cluster::connect().await.unwrap() else {
        return;
    };
    let namespace = cluster.namespace("e2e-achievements").await.unwrap();
    for manifest in manifests() {
        cluster.apply(Some(&namespace), &manifest).await.unwrap();
    }
    let path = cluster
        .eventually("the source has the path of its webhook", async || {
            let source = cluster.get(&namespace, "AchievementSource", "shop").await?;
            Ok(source.data["status"]["webhookPath"]
                .as_str()
                .map(str::to_owned))
        })
        .await
        .unwrap();
    let api = Api::of_achievements(&cluster, &namespace).await.unwrap();
    let pull = ("pull_request", "delivery-1");
    // The secret is sealed into the row a moment after the path is known.
    cluster
        .eventually("the webhook is taken", async || {
            let (status, _) = api.deliver(&path, pull, SECRET, &merged()).await?;
            Ok(status.is_success().then_some(()))
        })
        .await
        .unwrap();
    let (status, text) = api.deliver(&path, pull, SECRET, &merged()).await.unwrap();
    assert_eq!((status.as_u16(), text.contains("replayed")), (200, true));
    let (status, _) = api
        .deliver(&path, ("pull_request", "delivery-2"), "wrong", &merged())
        .await
        .unwrap();
    assert_eq!(status.as_u16(), 401);
    let deployment = ("deployment_status", "delivery-3");
    let (status, _) = api
        .deliver(&path, deployment, SECRET, &deployed())
        .await
        .unwrap();
    assert_eq!(status.as_u16(), 202);

    let record = cluster
        .eventually(
            "a worker analysed the record with its deployment",
            async || {
                let list = api.get("/achievements/?person=ada").await?;
                let components = &list["items"][0]["analysis"]["impact"]["components"];
                let deployed = components.as_array().into_iter().flatten().any(|it| {
                    it["name"] == "deployed" && it["points"].as_i64().is_some_and(|it| it > 0)
                });
                Ok(deployed.then(|| list.clone()))
            },
        )
        .await
        .unwrap();
    assert_eq!(record["total"], 1, "both deliveries are one record");
    let record = &record["items"][0];
    assert_eq!(record["category"], "feature");
    assert!(record["impact_score"].as_i64().unwrap() > 30);
    let source = cluster
        .get(&namespace, "AchievementSource", "shop")
        .await
        .unwrap();
    let reached = source.data["status"]["conditions"].clone();
    assert!(reached.is_array(), "{reached}");
    cluster.delete_namespace(&namespace).await.unwrap();
}
