//! The vector index over a real Qdrant, or its stand-in. Needs `TEST_QDRANT_URL` and `TEST_QDRANT_API_KEY`.
#![allow(clippy::unwrap_used)]

use crate::support::{database::World, persona};
use backends::{
    credential::Credential,
    qdrant::{CollectionShape, VectorStore, issue_collection_token},
};
use domain::revision::VectorSettings;
use std::time::Duration;
use uuid::Uuid;
use worker::{
    adapters::index::QdrantIndex,
    ports::{Among, Neighbour, Point, VectorIndex},
};

/// A collection of its own with three dimensions, and the URL and key that reach it.
pub async fn collection(dimensions: u64) -> Option<(String, String, VectorStore)> {
    let (Ok(url), Ok(key)) = (
        std::env::var("TEST_QDRANT_URL"),
        std::env::var("TEST_QDRANT_API_KEY"),
    ) else {
        eprintln!("skipped: TEST_QDRANT_URL and TEST_QDRANT_API_KEY name no vector index");
        return None;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = VectorStore::connect(&url, Credential::from(key.as_str()));
    let name = format!("posts_team_maya_{}", Uuid::new_v4().simple());
    store
        .create(&name, &CollectionShape::cosine(dimensions))
        .await
        .unwrap();
    Some((name, url, store))
}

fn point(id: Uuid, vector: [f32; 3]) -> Point {
    Point {
        id,
        vector: vector.to_vec(),
        payload: serde_json::Map::new(),
        version: 1,
    }
}

#[tokio::test]
async fn faults_32_a_repeated_point_is_one_point_and_the_nearest_is_never_the_post_itself() {
    let Some((name, _, store)) = collection(3).await else {
        return;
    };
    let space = VectorSettings {
        collection: name.clone(),
        dimensions: 3,
        distance: "Cosine".into(),
    };
    let index = QdrantIndex::new(store.clone());
    let (own, near, far) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    for point in [
        point(own, [1.0, 0.0, 0.0]),
        point(own, [1.0, 0.0, 0.0]),
        point(near, [0.8, 0.6, 0.0]),
        point(far, [0.0, 0.0, 1.0]),
    ] {
        index.upsert(&name, point).await.unwrap();
    }
    assert_eq!(store.count(&name).await.unwrap(), 3);
    let found = index
        .nearest(
            &space,
            &[1.0, 0.0, 0.0],
            Among {
                excluding: own,
                before: None,
            },
            5,
        )
        .await
        .unwrap();
    assert_eq!(
        found,
        [
            Neighbour {
                id: near,
                similarity_bp: 8_000
            },
            Neighbour {
                id: far,
                similarity_bp: 0
            }
        ]
    );
}

#[tokio::test]
async fn a_token_that_is_replaced_in_its_file_is_used_from_then_on() {
    let Some((name, url, _)) = collection(3).await else {
        return;
    };
    let file = std::env::temp_dir().join(format!("worker-token-{}", Uuid::new_v4()));
    std::fs::write(&file, "no-token").unwrap();
    let index = QdrantIndex::new(VectorStore::connect(&url, Credential::File(file.clone())));
    let post = point(Uuid::new_v4(), [0.0, 1.0, 0.0]);
    let refused = index.upsert(&name, post.clone()).await.unwrap_err();
    assert!(!refused.to_string().contains("no-token"), "{refused}");
    let key = std::env::var("TEST_QDRANT_API_KEY").unwrap().into();
    let token = issue_collection_token(&key, &[&name], Duration::from_secs(60)).unwrap();
    std::fs::write(&file, secrecy::ExposeSecret::expose_secret(&token)).unwrap();
    index.upsert(&name, post).await.unwrap();
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_worker_stores_its_points_in_the_real_index() {
    let Some((name, _, store)) = collection(64).await else {
        return;
    };
    let mut persona = persona();
    persona.vectors.collection.clone_from(&name);
    let Some(world) = World::create(persona).await else {
        return;
    };
    let run = world.run("generate", 4).await;
    let bench = crate::support::Bench::new([]);
    let mut worker = world.worker(&bench, run);
    worker.ports.index = std::sync::Arc::new(QdrantIndex::new(store.clone()));
    worker.consume(&mut crate::support::Silence).await.unwrap();
    assert_eq!(store.count(&name).await.unwrap(), 4);
    let unmarked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts WHERE point_version < embedding_version")
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(unmarked, 0);
    let neighbours: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts WHERE nearest_id IS NOT NULL")
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(neighbours, 3, "all but the first have a nearest post");
}
