//! Every collection of the vector index but the thief's own.

use crate::{
    Scene,
    stolen::{Stolen, env},
};
use backends::{
    credential::Credential,
    qdrant::{CollectionShape, PostPoint, VectorError, VectorStore},
};
use serde_json::Map;
use uuid::Uuid;

pub async fn try_everything(scene: &Scene, stolen: &Stolen) {
    let connect = |key: &str| VectorStore::connect(&stolen.qdrant_url, Credential::from(key));
    let operator = connect(&env("TEST_QDRANT_API_KEY"));
    let thief = connect(&stolen.qdrant_token);
    let (own, victims) = (
        collections_of(scene, &scene.thief).await,
        collections_of(scene, &scene.victim).await,
    );
    let all = operator.list_collections().await.unwrap();
    assert!(victims.len() >= 2 && victims.iter().all(|name| all.contains(name)));

    thief
        .count(&own[0])
        .await
        .expect("the thief's own collection is read, so that a refusal means something");
    for name in all.iter().filter(|name| !own.contains(name)) {
        let shape = operator.describe(name).await.unwrap();
        try_collection(&thief, name, shape.map_or(3, |shape| shape.dimensions)).await;
        if victims.contains(name) {
            assert_eq!(operator.describe(name).await.unwrap(), shape, "{name}");
        }
    }
    let loot = thief.create("loot", &CollectionShape::cosine(3)).await;
    assert_refused(loot, "create", "loot");
    match thief.list_collections().await {
        Ok(seen) => assert!(seen.iter().all(|name| own.contains(name)), "{seen:?}"),
        Err(error) => assert_refused::<()>(Err(error), "list", ""),
    }
}

async fn try_collection(thief: &VectorStore, name: &str, dimensions: u64) {
    let vector = vec![0.5; usize::try_from(dimensions).unwrap()];
    let id = Uuid::new_v4();
    let point = PostPoint {
        id,
        vector: vector.clone(),
        payload: Map::new(),
        version: 1,
    };
    assert_refused(thief.describe(name).await, "describe", name);
    assert_refused(thief.count(name).await, "count", name);
    assert_refused(thief.nearest(name, vector, 3, &[]).await, "search", name);
    assert_refused(thief.scroll_ids(name, None, 3).await, "scroll", name);
    assert_refused(thief.upsert_post(name, point).await, "upsert", name);
    assert_refused(
        thief.delete_points(name, &[id]).await,
        "delete points",
        name,
    );
    assert_refused(thief.delete(name).await, "delete", name);
}

fn assert_refused<T: std::fmt::Debug>(answer: Result<T, VectorError>, what: &str, name: &str) {
    assert!(
        matches!(answer, Err(VectorError::Unauthorized(_))),
        "{what} on {name}: {answer:?}"
    );
}

async fn collections_of(scene: &Scene, namespace: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT collection FROM personas WHERE namespace = $1 AND gone_at IS NULL")
        .bind(namespace)
        .fetch_all(&scene.cluster.database)
        .await
        .unwrap()
}
