//! Who may call: keys, their verbs, their namespaces, their end.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::api::keys::KeyStore;
use reqwest::Method;
use serde_json::json;
use sqlx::Connection;
use support::{ALL, World, ago, posts, read};
use uuid::Uuid;

#[tokio::test]
async fn without_a_valid_key_nothing_is_told() {
    let Some(world) = World::create().await else {
        return;
    };
    let good = world.key("team", &ALL).await;
    assert_eq!(world.get("/content/posts", &good).await.status, 200);
    let other = world.key("team", &ALL).await;
    let (id, secret) = good.rsplit_once('_').unwrap();
    let (_, other_secret) = other.rsplit_once('_').unwrap();
    let mixed = format!("{id}_{other_secret}");
    let unknown = format!("ta_AAAAAAAAAAAA_{secret}");
    let mut details = Vec::new();
    for key in [
        "",
        "x",
        &mixed,
        &unknown,
        &good[..good.len() - 1],
        "ta_' OR 1=1 --_x",
    ] {
        let refused = world.get("/content/posts", key).await;
        assert_eq!(refused.status, 401, "{key}");
        assert!(refused.headers.contains_key("www-authenticate"));
        details.push(refused.body);
    }
    // Nobody learns which part was right.
    assert!(details.windows(2).all(|pair| pair[0] == pair[1]));
    let twice = world
        .request(Method::GET, "/content/posts", &good)
        .bearer_auth(&other);
    assert_eq!(read(twice).await.status, 401);
}

#[tokio::test]
async fn a_key_ends_when_it_expires_and_at_once_when_it_is_revoked() {
    let Some(world) = World::create().await else {
        return;
    };
    let (_, expired) = world.key_until("team", &ALL, Some(ago(1))).await;
    assert_eq!(world.get("/content/posts", &expired).await.status, 401);
    let (id, key) = world.key_until("team", &ALL, Some(ago(-60))).await;
    assert_eq!(world.get("/content/posts", &key).await.status, 200);
    let mut store = KeyStore::connect(&world.database.operator_url)
        .await
        .unwrap();
    assert!(store.revoke(&id).await.unwrap());
    assert!(!store.revoke(&id).await.unwrap());
    assert_eq!(world.get("/content/posts", &key).await.status, 401);
    let listed = store.list(Some("team")).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|row| !row.valid));
    assert!(store.list(Some("else")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_may_do_what_its_verbs_say_and_no_more() {
    let Some(world) = World::create().await else {
        return;
    };
    let post = posts(&world, "team", "job", 1).await[0];
    let path = format!("/content/posts/{post}");
    for verb in ALL {
        let key = world.key("team", &[verb]).await;
        let edit = json!({"hook": "a", "body": "b"});
        let expect = |needed: &str| if needed == verb { 200 } else { 403 };
        assert_eq!(world.get(&path, &key).await.status, expect("posts:read"));
        assert_eq!(
            world.put(&path, &key, edit).await.status,
            expect("posts:write")
        );
        let told = world.outcomes(&key, "").await;
        assert_eq!(told.status, expect("outcomes:write"));
        if told.status == 403 {
            assert_eq!(told.body["verb"], "outcomes:write");
        }
        let listed = world.get("/experiments", &key).await;
        assert_eq!(listed.status, expect("experiments:read"));
    }
}

/// FAULTS 58: every id of another namespace is one that does not exist.
#[tokio::test]
async fn another_namespace_does_not_exist() {
    let Some(world) = World::create().await else {
        return;
    };
    let post = posts(&world, "theirs", "job", 1).await[0];
    let (theirs, ours) = (
        world.key("theirs", &ALL).await,
        world.key("ours", &ALL).await,
    );
    let path = format!("/content/posts/{post}");
    let absent = format!("/content/posts/{}", Uuid::new_v4());
    let told = json!({"url": "https://example.com/1", "externalId": "17"});
    assert_eq!(world.get(&path, &theirs).await.status, 200);
    assert_eq!(
        world.get(&path, &ours).await.body,
        world.get(&absent, &ours).await.body
    );
    assert_eq!(world.get(&path, &ours).await.status, 404);
    let edit = json!({"hook": "mine", "body": "now"});
    assert_eq!(world.put(&path, &ours, edit).await.status, 404);
    let publish = format!("{path}/published");
    assert_eq!(world.post(&publish, &ours, told.clone()).await.status, 404);
    assert_eq!(
        world.get("/content/posts", &ours).await.body["items"],
        json!([])
    );
    assert_eq!(world.post(&publish, &theirs, told).await.status, 200);
    let lines = support::ndjson(&[
        support::event("e1", post, ago(0)),
        json!({"eventId": "e2", "externalId": "17", "metric": "likes", "at": ago(0)}),
    ]);
    let answer = world.outcomes(&ours, lines).await.body;
    assert_eq!(
        (&answer["unknown"], &answer["applied"]),
        (&json!(2), &json!(0)),
        "{answer}"
    );
}

/// FAULTS 58: what row-level security leaves to the API's login, whatever the program asks.
#[tokio::test]
async fn the_apis_login_sees_nothing_unbound_and_makes_no_keys() {
    let Some(world) = World::create().await else {
        return;
    };
    posts(&world, "team", "job", 1).await;
    world.key("team", &ALL).await;
    let url = world
        .database
        .url_of(&format!("{}_api", world.database.install), "test-password");
    let mut api = sqlx::PgConnection::connect(&url).await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
        .fetch_one(&mut api)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    for statement in [
        "INSERT INTO api_keys (id, namespace, name, verbs, hash) SELECT 'x', 'team', 'x', '{}', hash FROM api_keys",
        "UPDATE api_keys SET revoked_at = NULL",
        "DELETE FROM api_keys",
        "UPDATE posts SET namespace = 'ours'",
        "UPDATE posts SET embedding = '{}'",
        "DELETE FROM outcome_events",
        "INSERT INTO promotions (namespace, action) VALUES ('team', 'promoted')",
        "UPDATE promotions SET version = 'v2'",
        "INSERT INTO experiment_decisions (namespace, verdict) VALUES ('team', 'Winner')",
        "UPDATE experiments SET ended_at = now()",
        "UPDATE experiment_units SET arm = 0",
        "DELETE FROM experiment_units",
    ] {
        let refused = sqlx::query(statement).execute(&mut api).await.unwrap_err();
        let code = refused
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
}
