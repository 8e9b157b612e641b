//! Collections and points on a real Qdrant or its stand-in; see the fixture for what it needs.
#![allow(clippy::unwrap_used)]

#[path = "support/vectors.rs"]
mod vectors;

use backends::{
    class::FailureClass,
    credential::Credential,
    qdrant::{
        CollectionShape, Distance, Ensured, LOGINS_FIELD, Surroundings, VectorError, VectorStore,
    },
};
use uuid::Uuid;
use vectors::{World, point};

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

/// A post of an experiment is compared with posts from before its start.
#[tokio::test]
async fn neighbours_from_before_a_moment_are_found_alone() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let [old, undated, new] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let written = [
        (old, Some("2026-11-23T05:59:59.999Z")),
        (undated, None),
        (new, Some("2026-11-23T06:00:00Z")),
    ];
    let posts = written.map(|(id, at)| {
        let mut post = point(id, [1.0, 0.0, 0.0, 0.0], 1);
        post.payload.remove("timestamp");
        if let Some(at) = at {
            post.payload.insert("timestamp".into(), at.into());
        }
        post
    });
    store.upsert_posts(name, posts.to_vec()).await.unwrap();
    let moment = "2026-11-23T06:00:00Z".parse().unwrap();
    let query = vec![1.0, 0.0, 0.0, 0.0];
    let found = |exclude: Vec<Uuid>| {
        let query = query.clone();
        async move {
            let found = store
                .nearest_before(name, query, 10, &exclude, Some(moment))
                .await
                .unwrap();
            let mut ids: Vec<_> = found.iter().map(|neighbour| neighbour.id).collect();
            ids.sort();
            ids
        }
    };
    let mut both = vec![old, undated];
    both.sort();
    assert_eq!(found(vec![]).await, both);
    assert_eq!(found(vec![old]).await, [undated]);
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

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_lose_nothing() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let writers = (0_u8..8).map(|writer| {
        let (store, name) = (world.store.clone(), world.collection.clone());
        tokio::spawn(async move {
            for n in 0_u8..20 {
                let vector = [1.0, f32::from(writer), f32::from(n), 0.0];
                let post = point(Uuid::new_v4(), vector, 1);
                store.upsert_post(&name, post).await.unwrap();
                let near = store.nearest(&name, vector.to_vec(), 1, &[]).await;
                assert!(near.unwrap()[0].similarity > 0.999);
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(world.store.count(&world.collection).await.unwrap(), 160);
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

/// An achievement's neighbours are those of the same people that are alike enough, without itself.
#[tokio::test]
async fn neighbours_of_an_achievement_share_a_login_and_are_alike() {
    let Some(world) = World::with_collection().await else {
        return;
    };
    let (store, name) = (&world.store, &world.collection);
    let mut ids = Vec::new();
    for (logins, vector) in [
        (vec!["maya"], [1.0, 0.0, 0.0, 0.0]),
        (vec!["ann", "maya"], [0.99, 0.1, 0.0, 0.0]),
        (vec!["tom"], [1.0, 0.0, 0.0, 0.0]),
        (vec!["maya"], [0.0, 1.0, 0.0, 0.0]),
    ] {
        let mut stored = point(Uuid::new_v4(), vector, 1);
        stored.payload = serde_json::json!({ LOGINS_FIELD: logins })
            .as_object()
            .unwrap()
            .clone();
        ids.push(stored.id);
        store.upsert_post(name, stored).await.unwrap();
    }
    let around = |excluding| Surroundings {
        vector: vec![1.0, 0.0, 0.0, 0.0],
        logins: vec!["maya".into(), "zoe".into()],
        excluding,
        at_least_bp: 9_500,
    };
    let found = store
        .achievements_near(name, around(Uuid::nil()))
        .await
        .unwrap();
    assert_eq!(found, [ids[0], ids[1]]);
    let found = store.achievements_near(name, around(ids[0])).await.unwrap();
    assert_eq!(found, [ids[1]]);
    world.remove().await;
}
