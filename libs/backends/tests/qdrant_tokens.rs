//! What a worker's token opens on a real Qdrant or its stand-in, and what it does not; see the fixture for what it needs.
#![allow(clippy::unwrap_used)]

#[path = "support/vectors.rs"]
mod vectors;

use backends::{
    class::FailureClass,
    credential::Credential,
    qdrant::{CollectionShape, VectorError, VectorStore, issue_collection_token},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;
use vectors::{World, point, token_of_the_past};

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

/// What Qdrant grants by the `access` claim; the tenancy tests lean on it, so a stand-in must grant no more.
#[tokio::test]
async fn rights_are_those_of_the_claims() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let name = world.collection.as_str();
    let exp = chrono::Utc::now().timestamp() + 60;
    let reader = json!({"exp": exp, "access": [{"collection": name, "access": "r"}]});
    let everywhere = json!({"exp": exp, "access": "r"});
    for claims in [reader, everywhere] {
        let store = world.holding(&claims, jsonwebtoken::Algorithm::HS256);
        assert_eq!(store.count(name).await.unwrap(), 0);
        let post = point(Uuid::new_v4(), [1.0, 0.0, 0.0, 0.0], 1);
        for refused in [
            store.upsert_post(name, post).await.err(),
            store.delete_points(name, &[Uuid::new_v4()]).await.err(),
            store.ensure_indexes(name).await.err(),
            store.delete(name).await.err(),
        ] {
            let error = refused.expect("a reader writes");
            assert!(matches!(error, VectorError::Unauthorized(_)), "{error:?}");
        }
    }
    let own = json!([{"collection": name, "access": "rw"}]);
    for (claims, algorithm) in [
        (
            json!({"exp": "soon", "access": own}),
            jsonwebtoken::Algorithm::HS256,
        ),
        (
            json!({"exp": exp, "access": "all"}),
            jsonwebtoken::Algorithm::HS256,
        ),
        (
            json!({"exp": exp, "access": own}),
            jsonwebtoken::Algorithm::HS384,
        ),
    ] {
        let error = world.holding(&claims, algorithm).count(name).await;
        let error = error.expect_err("a bad token opens the collection");
        assert!(
            matches!(error, VectorError::Unauthorized(_)),
            "{claims}: {error:?}"
        );
    }
    let manager = json!({"exp": exp, "access": "m"});
    let store = world.holding(&manager, jsonwebtoken::Algorithm::HS256);
    store.ensure_indexes(name).await.unwrap();
    world.remove().await;
}
