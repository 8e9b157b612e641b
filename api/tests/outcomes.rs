//! Outcomes: each fate, once and again, at once, and absurd bodies.
#![allow(clippy::unwrap_used)]

mod support;

use api::Limits;
use serde_json::{Value, json};
use std::time::Duration;
use support::{ALL, World, ago, event, experiment, join, ndjson, posts, read};
use uuid::Uuid;

async fn publish(world: &World, key: &str, post: Uuid, external_id: &str, seconds_ago: i64) {
    let told =
        json!({"url": "https://example.com/1", "externalId": external_id, "at": ago(seconds_ago)});
    let answer = world
        .post(&format!("/content/posts/{post}/published"), key, told)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The counts of a report that are not zero.
fn fates(report: &Value) -> Value {
    let counted = report.as_object().unwrap().iter();
    counted
        .filter(|(name, value)| *name != "firstErrors" && value.as_u64() != Some(0))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn totals(world: &World) -> Vec<(String, f64, Option<f64>)> {
    sqlx::query_as("SELECT metric, events, snapshot FROM outcome_totals ORDER BY subject, metric")
        .fetch_all(&mut world.sql().await)
        .await
        .unwrap()
}

/// Issue 4, 3: late, duplicate, future-dated, unknown, unpublished and invalid outcomes each have a defined, counted fate.
#[tokio::test]
async fn every_fate_is_told_and_counted() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "job", 4).await;
    let uid = experiment(&world, "team", "hooks", "Post").await;
    for post in &ids[..3] {
        join(&world, uid, "team", *post, 0).await;
    }
    publish(&world, &key, ids[0], "open", 1_000).await;
    // Its window and grace have passed.
    publish(&world, &key, ids[1], "frozen", 4_000).await;
    let lines = [
        event("applied", ids[0], ago(500)),
        event("applied", ids[0], ago(500)),
        event("late", ids[1], ago(3_900)),
        event("future", ids[0], ago(-1_000)),
        event("slightly-ahead", ids[0], ago(-100)),
        event("before", ids[0], ago(1_001)),
        event("unknown", Uuid::new_v4(), ago(10)),
        json!({"eventId": "who", "externalId": "nobody", "metric": "likes", "at": ago(10)}),
        json!({"eventId": "p", "participant": "p", "experiment": "hooks", "metric": "likes", "at": ago(10)}),
        event("unpublished", ids[2], ago(10)),
        json!({"eventId": "invalid", "postId": ids[0], "metric": "likes", "value": -1, "at": ago(10)}),
    ];
    let answer = world.outcomes(&key, ndjson(&lines)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        fates(&answer.body),
        json!({"applied": 2, "duplicate": 1, "late": 1, "future": 1, "outside": 1, "unknown": 3, "unpublished": 1, "invalid": 1})
    );
    let errors = answer.body["firstErrors"].as_array().unwrap();
    let numbers: Vec<u64> = errors
        .iter()
        .map(|error| error["line"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!(totals(&world).await, [("likes".into(), 2.0, None)]);

    // What was not remembered may be sent again: here after the publication.
    publish(&world, &key, ids[2], "later", 100).await;
    let again = world.outcomes(&key, ndjson(&lines[9..10])).await;
    assert_eq!(fates(&again.body), json!({"applied": 1}));
    let counted: Vec<(bool, String, i64)> = sqlx::query_as(
        "SELECT experiment_uid = $1, fate, outcomes FROM outcome_fates ORDER BY 2, 1",
    )
    .bind(uid)
    .fetch_all(&mut world.sql().await)
    .await
    .unwrap();
    let expected = [
        (true, "applied", 3),
        (true, "duplicate", 1),
        (true, "future", 1),
        (false, "invalid", 1),
        (true, "late", 1),
        (true, "outside", 1),
        (false, "unknown", 3),
        (true, "unpublished", 1),
    ];
    assert_eq!(
        counted,
        expected.map(|(of, fate, count)| (of, fate.to_owned(), count))
    );
}

#[tokio::test]
async fn what_is_dated_after_the_window_is_outside_while_the_grace_lasts() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    let uid = experiment(&world, "team", "hooks", "Post").await;
    join(&world, uid, "team", post, 0).await;
    publish(&world, &key, post, "x", 3_630).await;
    let lines = ndjson(&[event("within", post, ago(60)), event("after", post, ago(5))]);
    let answer = world.outcomes(&key, lines).await;
    assert_eq!(fates(&answer.body), json!({"applied": 1, "outside": 1}));
    // A unit that matured is closed, whatever its dates say.
    sqlx::query("UPDATE experiment_units SET matured_at = now(), fate = 'published', maturity = 1")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let answer = world
        .outcomes(&key, ndjson(&[event("new", post, ago(60))]))
        .await;
    assert_eq!(fates(&answer.body), json!({"late": 1}));
}

#[tokio::test]
async fn the_newest_snapshot_counts_in_whatever_order_they_come() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    publish(&world, &key, post, "17", 1_000).await;
    let snapshot = |seconds: i64, likes: f64| json!({"externalId": "17", "at": ago(seconds), "totals": {"likes": likes, "views": 10.0 * likes}});
    let (middle, newest, oldest) = (snapshot(500, 5.0), snapshot(100, 9.0), snapshot(900, 1.0));
    let answer = world
        .outcomes(&key, ndjson(&[middle.clone(), newest, oldest]))
        .await;
    assert_eq!(fates(&answer.body), json!({"applied": 6}));
    let counted = [
        ("likes".to_owned(), 0.0, Some(9.0)),
        ("views".to_owned(), 0.0, Some(90.0)),
    ];
    assert_eq!(totals(&world).await, counted);
    let again = world.outcomes(&key, ndjson(&[middle])).await;
    assert_eq!(fates(&again.body), json!({"duplicate": 2}));
    assert_eq!(totals(&world).await, counted);
    let older = world.outcomes(&key, ndjson(&[snapshot(300, 7.0)])).await;
    assert_eq!(fates(&older.body), json!({"applied": 2}));
    assert_eq!(totals(&world).await, counted);
}

/// FAULTS 10: whatever was sent twice, wholly or in part, counts once.
#[tokio::test]
async fn the_same_batch_by_many_at_once_counts_once() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "job", 5).await;
    for (index, post) in ids.iter().enumerate() {
        publish(&world, &key, *post, &format!("x{index}"), 1_000).await;
    }
    let mut lines: Vec<Value> = (0..2_000)
        .map(|number| event(&format!("e{number}"), ids[number % 5], ago(500)))
        .collect();
    let forward = ndjson(&lines);
    lines.reverse();
    let backward = ndjson(&lines);
    let answers = tokio::join!(
        world.outcomes(&key, forward.clone()),
        world.outcomes(&key, backward.clone()),
        world.outcomes(&key, forward),
        world.outcomes(&key, backward)
    );
    let mut applied = 0;
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let report = &answer.body;
        applied += report["applied"].as_u64().unwrap();
        assert_eq!(
            report["applied"].as_u64().unwrap() + report["duplicate"].as_u64().unwrap(),
            2_000
        );
    }
    assert_eq!(applied, 2_000);
    let counted = totals(&world).await;
    assert!(
        counted.iter().all(|(_, events, _)| *events == 400.0),
        "{counted:?}"
    );
}

/// FAULTS 40 and 53: no body makes more of it than a report or a problem.
#[tokio::test]
async fn absurd_bodies_are_counted_as_invalid_or_refused() {
    let limits = Limits {
        outcome_bytes: 12 * 1024 * 1024,
        idle: Duration::from_millis(300),
        ..Limits::default()
    };
    let Some(world) = World::with_limits(limits).await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let post = posts(&world, "team", "job", 1).await[0];
    publish(&world, &key, post, "17", 1_000).await;
    assert_eq!(fates(&world.outcomes(&key, "").await.body), json!({}));
    assert_eq!(
        fates(&world.outcomes(&key, "\n\r\n \n").await.body),
        json!({})
    );
    for (body, invalid) in [
        (vec![0xFF, 0xFE, b'\n', 0xC3], 2),
        (vec![0; 100], 1),
        (b"null\n[]\n{}\nNaN\n{\"value\": NaN}".to_vec(), 5),
        (vec![b'['; 10_000], 1),
        (vec![b'x'; 10 * 1024 * 1024], 1),
    ] {
        let answer = world.outcomes(&key, body).await;
        assert_eq!(
            (answer.status, fates(&answer.body)),
            (200, json!({"invalid": invalid}))
        );
    }
    // A huge line takes nothing from the lines around it.
    let mut mixed = ndjson(&[event("before", post, ago(10))]).into_bytes();
    mixed.extend(vec![b'x'; 5 * 1024 * 1024]);
    mixed.push(b'\n');
    mixed.extend(ndjson(&[event("after", post, ago(10))]).into_bytes());
    let answer = world.outcomes(&key, mixed).await;
    assert_eq!(fates(&answer.body), json!({"applied": 2, "invalid": 1}));
    assert_eq!(answer.body["firstErrors"][0]["line"], 2);

    let too_large = world.outcomes(&key, vec![b'\n'; 13 * 1024 * 1024]).await;
    assert_eq!(too_large.status, 413);
    assert!(too_large.body["report"].is_object());
    let typed = |media: &str| {
        world
            .request(reqwest::Method::POST, "/outcomes", &key)
            .header("content-type", media.to_owned())
            .body("")
    };
    assert_eq!(read(typed("application/json")).await.status, 415);
    assert_eq!(
        read(typed("application/x-ndjson; charset=utf-8"))
            .await
            .status,
        200
    );
    let packed = typed("application/x-ndjson").header("content-encoding", "gzip");
    assert_eq!(read(packed).await.status, 415);

    // A body that stops coming ends the request, not the process' patience.
    let (sender, stalled) =
        futures::channel::mpsc::unbounded::<Result<bytes::Bytes, std::io::Error>>();
    sender.unbounded_send(Ok("{".into())).unwrap();
    let answer = world
        .outcomes(&key, reqwest::Body::wrap_stream(stalled))
        .await;
    assert_eq!(answer.status, 408);
    drop(sender);
}

#[tokio::test]
async fn a_heartbeat_never_goes_back_nor_ahead_of_its_receipt() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let beat = async |through: chrono::DateTime<chrono::Utc>| {
        let body = json!({"feed": "default", "through": through});
        let answer = world.post("/outcomes/heartbeat", &key, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["through"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
    };
    let first = beat(ago(100)).await;
    assert_eq!(beat(ago(200)).await, first);
    let capped = beat(ago(-1_000)).await;
    assert!(capped > first && capped < ago(-5));
    for body in [
        json!({}),
        json!({"feed": "", "through": ago(1)}),
        json!({"feed": "a\u{0}", "through": ago(1)}),
        json!({"feed": "a"}),
    ] {
        assert_eq!(
            world.post("/outcomes/heartbeat", &key, body).await.status,
            422
        );
    }
}

/// FAULTS 25 and 28: without its database the API says so and when to try again.
#[tokio::test]
async fn without_a_database_the_answer_is_unavailable() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "ALTER ROLE {}_api NOLOGIN",
        world.database.install
    )))
    .execute(&mut world.sql().await)
    .await
    .unwrap();
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_database() || '_api'")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let answer = world.get("/content/posts", &key).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
}
