//! Posts: lists and their pages, edits, publications.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use std::collections::BTreeSet;
use support::{ALL, World, ago, experiment, join, posts};
use uuid::Uuid;

#[tokio::test]
async fn a_list_is_narrowed_and_its_pages_hold_every_post_once() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "week", 7).await;
    posts(&world, "team", "other", 2).await;
    let uid = experiment(&world, "team", "hooks", "Post").await;
    join(&world, uid, "team", ids[0], 0).await;
    join(&world, uid, "team", ids[1], 1).await;
    let count = async |query: &str| {
        let answer = world.get(&format!("/content/posts?{query}"), &key).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body["items"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 9);
    assert_eq!(count("job=week").await, 7);
    assert_eq!(count("persona=maya&job=other").await, 2);
    assert_eq!(count("persona=else").await, 0);
    assert_eq!(count("experiment=hooks").await, 2);
    assert_eq!(count("experiment=hooks&arm=bold").await, 1);
    assert_eq!(count("from=2020-01-01T00:00:00Z").await, 9);
    assert_eq!(count("to=2020-01-01T00:00:00Z").await, 0);
    // FAULTS 54: taken literally.
    assert_eq!(count("persona=maya'%20OR%20'1'='1").await, 0);
    let one = world.get(&format!("/content/posts/{}", ids[1]), &key).await;
    assert_eq!(
        one.body["experiment"],
        json!({"name": "hooks", "uid": uid, "arm": "bold"})
    );

    let (mut seen, mut cursor, mut pages) = (BTreeSet::new(), String::new(), 0);
    loop {
        let page = world
            .get(&format!("/content/posts?job=week&limit=3{cursor}"), &key)
            .await
            .body;
        pages += 1;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (7, 3));
}

/// FAULTS 45: an experiment is deleted and another takes its name; by name the living one is meant, by uid either.
#[tokio::test]
async fn a_name_that_was_given_again_means_the_living_experiment() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "week", 3).await;
    let old = experiment(&world, "team", "hooks", "Post").await;
    join(&world, old, "team", ids[0], 0).await;
    let listed = async |query: String| -> Vec<String> {
        let answer = world.get(&format!("/content/posts?{query}"), &key).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let items = answer.body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_old = [ids[0].to_string()];
    sqlx::query("UPDATE experiments SET gone_at = now(), object_uid = $2 WHERE uid = $1")
        .bind(old)
        .bind(Uuid::from_u128(5))
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    assert_eq!(
        listed("experiment=hooks".into()).await,
        of_old,
        "none lives"
    );

    let new = experiment(&world, "team", "hooks", "Post").await;
    assert_eq!(listed("experiment=hooks".into()).await, [""; 0]);
    join(&world, new, "team", ids[1], 0).await;
    let of_new = [ids[1].to_string()];
    assert_eq!(listed("experiment=hooks".into()).await, of_new);
    assert_eq!(listed("experiment=hooks&arm=plain".into()).await, of_new);
    assert_eq!(listed(format!("experimentUid={old}")).await, of_old);
    assert_eq!(listed(format!("experimentUid={new}")).await, of_new);
    // As its resource's metadata names it, where a re-applied one took the row over.
    let resource = Uuid::from_u128(5);
    assert_eq!(listed(format!("experimentUid={resource}")).await, of_old);
    let neither = format!("experiment=hooks&experimentUid={old}");
    assert_eq!(listed(neither).await, [""; 0]);
    let one = world.get(&format!("/content/posts/{}", ids[0]), &key).await;
    assert_eq!(one.body["experiment"]["uid"], json!(old));
    // FAULTS 58.
    let theirs = world.key("theirs", &ALL).await;
    let path = format!("/content/posts?experimentUid={old}");
    assert_eq!(world.get(&path, &theirs).await.body["items"], json!([]));
}

/// FAULTS 40.
#[tokio::test]
async fn absurd_requests_are_refused_with_a_sentence() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=1e3",
        "from=yesterday",
        "cursor=x",
        "cursor=AAAA",
        "persona=",
        "persona=%00",
        "experimentUid=17",
        "unknown=1",
        "limit=1&limit=2",
    ] {
        let refused = world.get(&format!("/content/posts?{query}"), &key).await;
        assert!(
            [400, 422].contains(&refused.status),
            "{query}: {}",
            refused.body
        );
    }
    assert_eq!(world.get("/content/posts/17", &key).await.status, 400);
    assert_eq!(world.get("/content/nothing", &key).await.status, 404);
    assert_eq!(
        world.post("/content/posts", &key, json!({})).await.status,
        405
    );
    let path = format!("/content/posts/{post}");
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({"hook": "a"}),
        json!({"hook": "a", "body": null}),
        json!({"hook": "", "body": "b"}),
        json!({"hook": "a\u{0}", "body": "b"}),
        json!({"hook": "a", "body": "b", "status": "published"}),
        json!({"hook": "a", "body": "b".repeat(50_000)}),
    ] {
        let refused = world.put(&path, &key, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
    }
    let huge = json!({"hook": "a", "body": "b".repeat(300_000)});
    assert_eq!(world.put(&path, &key, huge).await.status, 413);
    for body in [
        json!({}),
        json!({"url": "ftp://x"}),
        json!({"url": "javascript:alert(1)"}),
        json!({"url": "https://x\n"}),
        json!({"url": "https://x", "externalId": ""}),
        json!({"url": "https://x", "at": "soon"}),
        json!({"url": "https://x", "at": 17}),
        json!({"url": format!("https://{}", "x".repeat(3_000))}),
    ] {
        let refused = world
            .post(&format!("{path}/published"), &key, body.clone())
            .await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
    }
    let form = world
        .request(reqwest::Method::PUT, &path, &key)
        .body("hook=a&body=b");
    assert_eq!(support::read(form).await.status, 415);
}

#[tokio::test]
async fn an_edit_is_a_new_revision_and_keeps_the_old_text() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    let uid = experiment(&world, "team", "hooks", "Post").await;
    join(&world, uid, "team", post, 0).await;
    let path = format!("/content/posts/{post}");
    let first = world
        .put(&path, &key, json!({"hook": "New", "body": "Text"}))
        .await;
    assert_eq!((first.status, &first.body["revision"]), (200, &json!(1)));
    assert!(first.body["editedAt"].is_string());
    assert_eq!(first.body["contentHash"].as_str().unwrap().len(), 64);
    let again = world
        .put(&path, &key, json!({"hook": "New", "body": "Text"}))
        .await;
    assert_eq!(again.body["revision"], 1);
    let second = world
        .put(&path, &key, json!({"hook": "New", "body": "Other"}))
        .await;
    assert_eq!(second.body["revision"], 2);
    let mut sql = world.sql().await;
    let kept: Vec<(i32, String, String)> = sqlx::query_as(
        "SELECT number, hook, body FROM post_revisions WHERE post_id = $1 ORDER BY number",
    )
    .bind(post)
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(
        kept,
        [
            (0, "Hook".into(), "Body".into()),
            (1, "New".into(), "Text".into())
        ]
    );
    let edited: bool =
        sqlx::query_scalar("SELECT edited FROM experiment_units WHERE experiment_uid = $1")
            .bind(uid)
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert!(edited);
}

#[tokio::test]
async fn edits_at_once_each_become_a_revision() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    let path = format!("/content/posts/{post}");
    let edit = async |number: i32| {
        let body = json!({"hook": "New", "body": format!("Text {number}")});
        world.put(&path, &key, body).await.status
    };
    let done = tokio::join!(edit(1), edit(2), edit(3), edit(4));
    assert_eq!(done, (200, 200, 200, 200));
    assert_eq!(world.get(&path, &key).await.body["revision"], 4);
}

#[tokio::test]
async fn a_publication_is_told_once_and_starts_the_units_clock() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "job", 3).await;
    let uid = experiment(&world, "team", "hooks", "Post").await;
    join(&world, uid, "team", ids[0], 1).await;
    let path = format!("/content/posts/{}/published", ids[0]);
    // Told ahead of time: it counts from its receipt.
    let told = json!({"url": "https://example.com/1", "externalId": "17", "at": ago(-3600)});
    let first = world.post(&path, &key, told.clone()).await;
    assert_eq!((first.status, &first.body["first"]), (200, &json!(true)));
    let at: chrono::DateTime<chrono::Utc> =
        first.body["publishedAt"].as_str().unwrap().parse().unwrap();
    assert!(at <= chrono::Utc::now() + chrono::TimeDelta::seconds(5));
    for repeat in [told.clone(), json!({"url": "https://example.com/1"})] {
        let again = world.post(&path, &key, repeat).await;
        assert_eq!((again.status, &again.body["first"]), (200, &json!(false)));
        assert_eq!(again.body["publishedAt"], first.body["publishedAt"]);
    }
    for (field, value) in [
        ("url", json!("https://example.com/2")),
        ("externalId", json!("18")),
        ("at", json!(ago(7200))),
    ] {
        let mut other = told.clone();
        other[field] = value;
        let refused = world.post(&path, &key, other).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (409, &json!(field))
        );
    }
    let taken = world
        .post(&format!("/content/posts/{}/published", ids[1]), &key, told)
        .await;
    assert_eq!(
        (taken.status, &taken.body["field"]),
        (409, &json!("externalId"))
    );
    let absent = format!("/content/posts/{}/published", Uuid::new_v4());
    let told = json!({"url": "https://example.com/1"});
    assert_eq!(world.post(&absent, &key, told).await.status, 404);

    let (exposed, seconds): (bool, f64) = sqlx::query_as(
        "SELECT unit.exposed_at = post.published_at, extract(epoch FROM unit.freezes_at - unit.exposed_at)::float8
         FROM experiment_units unit JOIN posts post ON post.task_id = unit.task_id WHERE unit.experiment_uid = $1",
    )
    .bind(uid)
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    assert!(exposed);
    assert!((seconds - 3660.0).abs() < 1e-6, "{seconds}");
}
