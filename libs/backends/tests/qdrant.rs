//! The vector index against a real Qdrant or its stand-in. Needs `TEST_QDRANT_URL` and `TEST_QDRANT_API_KEY`; without them every
//! test says so and passes.
#![allow(clippy::unwrap_used)]

use backends::{
    class::FailureClass,
    credential::Credential,
    qdrant::{
        CollectionShape, Distance, Ensured, PostPoint, VectorError, VectorStore,
        issue_collection_token,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// A collection of its own on the real server, with four dimensions.
struct World {
    url: String,
    key: SecretString,
    store: VectorStore,
    collection: String,
}

impl World {
    async fn create() -> Option<Self> {
        let (Ok(url), Ok(key)) = (
            std::env::var("TEST_QDRANT_URL"),
            std::env::var("TEST_QDRANT_API_KEY"),
        ) else {
            eprintln!("skipped: TEST_QDRANT_URL and TEST_QDRANT_API_KEY name no server");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = VectorStore::connect(&url, Credential::from(key.as_str()));
        Some(Self {
            url,
            key: SecretString::from(key),
            store,
            collection: format!("posts_test_maya_{}", Uuid::new_v4().simple()),
        })
    }

    async fn with_collection() -> Option<Self> {
        let world = Self::create().await?;
        let shape = CollectionShape::cosine(4);
        world.store.create(&world.collection, &shape).await.unwrap();
        Some(world)
    }

    fn worker(&self, collections: &[&str]) -> VectorStore {
        let ttl = Duration::from_secs(60);
        let token = issue_collection_token(&self.key, collections, ttl).unwrap();
        VectorStore::connect(&self.url, Credential::Fixed(token))
    }

    async fn remove(self) {
        assert!(self.store.delete(&self.collection).await.unwrap());
        assert!(!self.store.delete(&self.collection).await.unwrap());
    }
}

fn point(id: Uuid, vector: [f32; 4], version: i64) -> PostPoint {
    let payload = json!({
        "persona": "maya", "hook": "A hook.", "body": "A body.", "timestamp": "2026-11-23T00:00:00Z",
    });
    PostPoint {
        id,
        vector: vector.to_vec(),
        payload: payload.as_object().unwrap().clone(),
        version,
    }
}

#[tokio::test]
async fn a_collection_is_created_once_and_described() {
    let Some(world) = World::create().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    assert!(!store.health().await.unwrap().is_empty());
    assert_eq!(store.describe(name).await.unwrap(), None);
    let shape = CollectionShape::cosine(4);
    assert_eq!(store.ensure(name, &shape).await.unwrap(), Ensured::Created);
    assert_eq!(
        store.ensure(name, &shape).await.unwrap(),
        Ensured::Matches(shape)
    );
    let error = store.create(name, &shape).await.unwrap_err();
    assert!(matches!(error, VectorError::Exists(_)), "{error:?}");
    assert_eq!(error.class(), FailureClass::Conflict);
    store.ensure_indexes(name).await.unwrap();
    assert!(store.list_collections().await.unwrap().contains(name));
    world.remove().await;
}

/// FAULTS 30: another shape is reported, and nothing is lost by it.
#[tokio::test]
async fn a_collection_of_another_shape_differs_and_keeps_its_points() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let post = point(Uuid::new_v4(), [1.0, 0.0, 0.0, 0.0], 1);
    store.upsert_post(name, post.clone()).await.unwrap();
    for wanted in [
        CollectionShape::cosine(8),
        CollectionShape {
            distance: Distance::Euclid,
            ..CollectionShape::cosine(4)
        },
    ] {
        let found = store.ensure(name, &wanted).await.unwrap();
        assert!(
            matches!(found, Ensured::Differs(found) if found.dimensions == 4 && found.distance == Distance::Cosine),
            "{found:?}"
        );
    }
    let mut wrong = post;
    wrong.vector.push(0.0);
    let error = store.upsert_post(name, wrong).await.unwrap_err();
    assert!(matches!(error, VectorError::Invalid(_)), "{error:?}");
    let error = store.nearest(name, vec![1.0; 5], 1, &[]).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Invalid);
    assert_eq!(store.count(name).await.unwrap(), 1);
    world.remove().await;
}

/// FAULTS 32: a repeated write is the same point.
#[tokio::test]
async fn the_same_post_written_twice_is_one_point() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let posts: Vec<_> = (0_u8..30)
        .map(|n| {
            point(
                Uuid::new_v4(),
                [1.0, f32::from(n), 0.0, 0.0],
                i64::from(n % 3),
            )
        })
        .collect();
    store.upsert_posts(name, posts.clone()).await.unwrap();
    store.upsert_posts(name, posts).await.unwrap();
    assert_eq!(store.count(name).await.unwrap(), 30);
    world.remove().await;
}

/// FAULTS 33: the newest embedding wins, whatever the order in which they arrive.
#[tokio::test]
async fn an_older_embedding_never_overwrites_a_newer_one() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let id = Uuid::new_v4();
    let (new, old) = ([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]);
    store.upsert_post(name, point(id, new, 2)).await.unwrap();
    store.upsert_post(name, point(id, old, 1)).await.unwrap();
    let found = store.nearest(name, new.to_vec(), 1, &[]).await.unwrap();
    assert!(found[0].similarity > 0.999, "{found:?}");
    store.upsert_post(name, point(id, old, 3)).await.unwrap();
    let found = store.nearest(name, new.to_vec(), 1, &[]).await.unwrap();
    assert!(found[0].similarity < 0.001, "{found:?}");
    assert_eq!(store.count(name).await.unwrap(), 1);
    world.remove().await;
}

#[tokio::test]
async fn neighbours_come_by_similarity_without_those_excluded() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let ids = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let posts = [
        [1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
    ];
    let posts = ids.iter().zip(posts).map(|(id, v)| point(*id, v, 1));
    store.upsert_posts(name, posts.collect()).await.unwrap();

    let query = vec![2.0, 0.0, 0.0, 0.0];
    let found = store.nearest(name, query.clone(), 10, &[]).await.unwrap();
    assert_eq!(found.iter().map(|n| n.id).collect::<Vec<_>>(), ids);
    for (neighbour, wanted) in found.iter().zip([1.0, 0.5_f32.sqrt(), 0.0]) {
        assert!(
            (neighbour.similarity - wanted).abs() < 1e-4,
            "{neighbour:?}"
        );
    }
    let others = store.nearest(name, query, 1, &ids[..1]).await.unwrap();
    assert_eq!(others.iter().map(|n| n.id).collect::<Vec<_>>(), ids[1..2]);
    world.remove().await;
}

/// FAULTS 29, 31: what is missing is found by going through the ids.
#[tokio::test]
async fn all_ids_are_read_page_by_page() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let mut ids: Vec<_> = (0..25).map(|_| Uuid::new_v4()).collect();
    let posts = ids.iter().map(|id| point(*id, [1.0, 0.0, 0.0, 0.0], 1));
    store.upsert_posts(name, posts.collect()).await.unwrap();
    let (mut seen, mut from) = (Vec::new(), None);
    loop {
        let page = store.scroll_ids(name, from, 10).await.unwrap();
        assert!(page.ids.len() <= 10);
        seen.extend(page.ids);
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    ids.sort();
    seen.sort();
    assert_eq!(seen, ids);

    store.delete_points(name, &ids[..5]).await.unwrap();
    store.delete_points(name, &ids[..5]).await.unwrap();
    assert_eq!(store.count(name).await.unwrap(), 20);
    world.remove().await;
}

#[tokio::test]
async fn a_collection_that_was_deleted_is_waited_for() {
    let Some(world) = World::create().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let post = point(Uuid::new_v4(), [1.0, 0.0, 0.0, 0.0], 1);
    for error in [
        store.upsert_post(name, post).await.unwrap_err(),
        store.nearest(name, vec![1.0; 4], 1, &[]).await.unwrap_err(),
        store.count(name).await.unwrap_err(),
        store.scroll_ids(name, None, 1).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, VectorError::CollectionMissing(_)),
            "{error:?}"
        );
        assert_eq!(error.class(), FailureClass::Waiting);
    }
}

#[tokio::test]
async fn a_token_reaches_its_own_collections_and_no_other() {
    let (Some(own), Some(foreign)) = (
        World::with_collection().await,
        World::with_collection().await,
    ) else {
        return;
    };
    let worker = own.worker(&[&own.collection]);
    let id = Uuid::new_v4();
    let post = || point(id, [1.0, 0.0, 0.0, 0.0], 1);
    worker.upsert_post(&own.collection, post()).await.unwrap();
    assert_eq!(worker.count(&own.collection).await.unwrap(), 1);
    let found = worker.nearest(&own.collection, vec![1.0; 4], 1, &[]);
    assert_eq!(found.await.unwrap()[0].id, id);
    worker.scroll_ids(&own.collection, None, 1).await.unwrap();
    assert!(worker.describe(&own.collection).await.unwrap().is_some());

    let name = &foreign.collection;
    let nearest = worker.nearest(name, vec![1.0; 4], 1, &[]).await;
    for refused in [
        worker.upsert_post(name, post()).await.err(),
        nearest.err(),
        worker.count(name).await.err(),
        worker.scroll_ids(name, None, 1).await.err(),
        worker.delete_points(name, &[id]).await.err(),
        worker.describe(name).await.err(),
        worker.delete(name).await.err(),
        worker.delete(&own.collection).await.err(),
        worker
            .create("posts_test_new", &CollectionShape::cosine(4))
            .await
            .err(),
    ] {
        let error = refused.expect("a foreign collection answers");
        assert!(matches!(error, VectorError::Unauthorized(_)), "{error:?}");
        assert_eq!(error.class(), FailureClass::Waiting);
    }
    let listed = worker.list_collections().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&own.collection));
    assert_eq!(foreign.store.count(name).await.unwrap(), 0);
    own.remove().await;
    foreign.remove().await;
}

#[tokio::test]
async fn tokens_that_are_expired_forged_or_absent_open_nothing() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let names = [&world.collection];
    let forged = SecretString::from("another-key".to_owned());
    let forged = issue_collection_token(&forged, &names, Duration::from_secs(60)).unwrap();
    let expired = token_of_the_past(&world.key, &world.collection);
    for credential in [
        forged,
        expired,
        SecretString::from("canary-nothing".to_owned()),
    ] {
        let shown = credential.expose_secret().to_owned();
        let store = VectorStore::connect(&world.url, Credential::Fixed(credential));
        let error = store.count(&world.collection).await.unwrap_err();
        assert!(matches!(error, VectorError::Unauthorized(_)), "{error:?}");
        assert!(!format!("{error:?} {error} {store:?}").contains(&shown));
    }
    let unsendable = SecretString::from("canary\nline".to_owned());
    let store = VectorStore::connect(&world.url, Credential::Fixed(unsendable));
    let error = store.count(&world.collection).await.unwrap_err();
    assert!(matches!(error, VectorError::Credential(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("canary"));
    let none: [&str; 0] = [];
    assert!(issue_collection_token(&world.key, &none, Duration::from_secs(60)).is_err());
    world.remove().await;
}

/// The worker's token is replaced in its file every few minutes.
#[tokio::test]
async fn a_rotated_token_is_read_anew_before_the_next_call() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let file = std::env::temp_dir().join(format!("qdrant-token-{}", Uuid::new_v4()));
    let expired = token_of_the_past(&world.key, &world.collection);
    std::fs::write(&file, expired.expose_secret()).unwrap();
    let store = VectorStore::connect(&world.url, Credential::File(file.clone()));
    let error = store.count(&world.collection).await.unwrap_err();
    assert!(matches!(error, VectorError::Unauthorized(_)), "{error:?}");

    let names = [&world.collection];
    let fresh = issue_collection_token(&world.key, &names, Duration::from_secs(60)).unwrap();
    std::fs::write(&file, format!("{}\n", fresh.expose_secret())).unwrap();
    assert_eq!(store.count(&world.collection).await.unwrap(), 0);
    std::fs::remove_file(&file).unwrap();
    let error = store.count(&world.collection).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Waiting, "{error:?}");
    world.remove().await;
}

/// FAULTS 29
#[tokio::test]
async fn a_server_that_is_away_is_transient() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = VectorStore::connect("http://127.0.0.1:9", Credential::from("canary-key"));
    let error = store.list_collections().await.unwrap_err();
    assert!(matches!(error, VectorError::Unavailable(_)), "{error:?}");
    assert_eq!(error.class(), FailureClass::Transient);
    assert!(!format!("{error:?} {error}").contains("canary"));
}

/// A token that expired an hour ago, beyond every leeway.
fn token_of_the_past(key: &SecretString, collection: &str) -> SecretString {
    let claims = json!({
        "exp": chrono::Utc::now().timestamp() - 3600,
        "access": [{"collection": collection, "access": "rw"}],
    });
    let key = jsonwebtoken::EncodingKey::from_secret(key.expose_secret().as_bytes());
    SecretString::from(
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap(),
    )
}
