//! From a signed webhook to an analysed record with its evidence.

use crate::scene::{SECRET, Scene, deployed, merged};
use serde_json::json;

/// Also FAULTS 51 and 52: a forged delivery is refused, one that comes twice changes nothing.
#[tokio::test]
async fn a_signed_webhook_becomes_an_analysed_record_with_its_evidence() {
    let Some(scene) = Scene::set("e2e-achievements", "api.github.com", &json!({})).await else {
        return;
    };
    let (api, path) = (&scene.api, scene.path.as_str());
    let pull = ("pull_request", "delivery-1");
    scene.deliver(pull.0, pull.1, &merged()).await;
    let (status, text) = api.deliver(path, pull, SECRET, &merged()).await.unwrap();
    assert_eq!((status.as_u16(), text.contains("replayed")), (200, true));
    let forged = ("pull_request", "delivery-2");
    let (status, _) = api.deliver(path, forged, "wrong", &merged()).await.unwrap();
    assert_eq!(status.as_u16(), 401);
    scene
        .deliver("deployment_status", "delivery-3", &deployed())
        .await;

    let list = scene.analysed("ada", &["deployed"]).await;
    assert_eq!(list["total"], 1, "both deliveries are one record");
    let record = &list["items"][0];
    assert_eq!(record["category"], "feature");
    assert!(record["impact_score"].as_i64().unwrap() > 30);
    scene
        .cluster
        .delete_namespace(&scene.namespace)
        .await
        .unwrap();
}
