//! From a webhook to a PDF in the object store, and to a post that a persona wrote about it.

use crate::scene::{Scene, merged};
use serde_json::{Value, json};
use threads_e2e::{api::Api, experiments::now, manifests};

/// Merged now: what was done before its source was connected is not announced.
fn merged_now() -> Value {
    let mut delivery = merged();
    for time in ["merged_at", "updated_at"] {
        delivery["pull_request"][time] = json!(now());
    }
    delivery
}

#[tokio::test]
async fn a_merged_pull_request_becomes_a_pdf_and_an_announcement_by_a_persona() {
    let publish = json!({"publish": {"personaRef": {"name": "maya"}, "minimumImpact": 10}});
    let Some(scene) = Scene::set("e2e-portfolio", "api.github.com", &publish).await else {
        return;
    };
    for manifest in manifests::foundation("maya", "stand-in-writer") {
        let applied = scene.cluster.apply(Some(&scene.namespace), &manifest).await;
        applied.unwrap();
    }
    scene.deliver("pull_request", "one", &merged_now()).await;
    scene.analysed("ada", &["delivered"]).await;

    let job = announced(&scene).await;
    let posts = scene
        .cluster
        .eventually("the announcement is written", async || {
            let posts = scene.cluster.posts(&scene.namespace, &job).await?;
            Ok((!posts.is_empty()).then_some(posts))
        })
        .await
        .unwrap();
    assert_eq!(posts.len(), 1, "one post announces it");

    let asked = json!({"format": "pdf", "template": "technical-portfolio"});
    let export = scene.api.post("/portfolio/export", &asked).await.unwrap();
    assert_eq!(
        (&export["status"], &export["items"]),
        (&json!("done"), &json!(1)),
        "{export}"
    );
    let pdf = Api::download(export["link"].as_str().unwrap())
        .await
        .unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 1_000);
    assert_eq!(
        domain::digest::sha256_hex(&pdf),
        export["sha256"].as_str().unwrap()
    );
    scene
        .cluster
        .delete_namespace(&scene.namespace)
        .await
        .unwrap();
}

/// The ContentJob that the status of the record's own Achievement names.
async fn announced(scene: &Scene) -> String {
    scene
        .cluster
        .eventually("the Achievement says who announces it", async || {
            let list = scene.api.get("/achievements/?person=ada").await?;
            let Some(name) = list["items"][0]["resource"].as_str() else {
                return Ok(None);
            };
            let found = scene
                .cluster
                .get(&scene.namespace, "Achievement", name)
                .await?;
            Ok(found.data["status"]["contentJobRef"]["name"]
                .as_str()
                .map(str::to_owned))
        })
        .await
        .unwrap()
}
