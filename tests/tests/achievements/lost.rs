//! A webhook that never came.

use crate::{github::GitHub, scene::Scene};
use serde_json::json;

/// GitHub does not redeliver. The backfill finds the pull request with its release and its deployment, and the
/// delivery that comes after all changes nothing.
#[tokio::test]
async fn a_lost_webhook_is_found_by_the_backfill_and_both_ways_are_one_record() {
    let Some(github) = GitHub::connect() else {
        return;
    };
    github.repository("acme", "shop").await.unwrap();
    let spec = json!({"github": {"owner": "acme", "repository": "shop", "apiBaseUrl": github.url}});
    let Some(scene) = Scene::set("e2e-lost", &github.host(), &spec).await else {
        return;
    };
    caught_up(&scene).await;

    let deed = json!({"repository": "acme/shop", "release": "v1.0.0", "deploy": true,
        "merge": {"title": "feat: export invoices", "author": "ada", "labels": ["feature"]}});
    let delivery = github.happens(&deed).await.unwrap();
    an_interval_passes(&scene).await;
    let list = scene.analysed("ada", &["released", "deployed"]).await;
    assert_eq!(list["total"], 1);

    scene.deliver("pull_request", "too-late", &delivery).await;
    scene
        .cluster
        .eventually("the late delivery is handled", async || {
            let handled = "SELECT count(*) FROM webhook_inbox WHERE handled_at IS NOT NULL AND namespace = $1";
            let handled = scene.cluster.count(handled, &scene.namespace).await?;
            Ok((handled == 1).then_some(()))
        })
        .await
        .unwrap();
    let after = scene.api.get("/achievements/?person=ada").await.unwrap();
    assert_eq!(after["total"], 1);
    assert_eq!(after["items"][0]["id"], list["items"][0]["id"]);
    scene
        .cluster
        .delete_namespace(&scene.namespace)
        .await
        .unwrap();
}

async fn caught_up(scene: &Scene) {
    scene
        .cluster
        .eventually("the first backfill ended", async || {
            let source = scene
                .cluster
                .get(&scene.namespace, "AchievementSource", "shop")
                .await?;
            Ok(source.data["status"]["caughtUpTo"]
                .as_str()
                .map(str::to_owned))
        })
        .await
        .unwrap();
}

/// The next backfill is due: time that the test does not wait for.
async fn an_interval_passes(scene: &Scene) {
    sqlx::query("UPDATE achievement_sources SET backfill_due_at = now() WHERE namespace = $1")
        .bind(&scene.namespace)
        .execute(&scene.cluster.database)
        .await
        .unwrap();
}
