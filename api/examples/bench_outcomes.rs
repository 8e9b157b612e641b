//! Outcomes a second over HTTP: NDJSON in, rows in Postgres out. Client, API and Postgres share the machine's cores.
//!
//! `cargo xtask bench outcomes`, or with `TEST_POSTGRES_SUPERUSER_URL` set `cargo run --release -p threads-api --example bench_outcomes`.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use chrono::SecondsFormat;
use serde_json::json;
use std::{
    fmt::Write,
    time::{Duration, Instant},
};
use support::{ALL, World, ago, experiment, join, posts};
use uuid::Uuid;

const POSTS: i32 = 200;
const EVENTS: usize = 400_000;
/// Events of one request.
const REQUEST: usize = 50_000;
const METRICS: [&str; 4] = ["impressions", "likes", "replies", "clicks"];
/// Events a second that the issue asks for.
const GOAL: f64 = 20_000.0;

#[tokio::main]
async fn main() {
    let Some(world) = World::create().await else {
        std::process::exit(1);
    };
    let key = world.key("team", &ALL).await;
    let ids = posts(&world, "team", "job", POSTS).await;
    let uid = experiment(&world, "team", "hooks", "Post").await;
    for (number, post) in ids.iter().enumerate() {
        if number % 2 == 0 {
            join(&world, uid, "team", *post, 0).await;
        }
        let told = json!({"url": "https://example.com", "externalId": format!("x{number}"), "at": ago(1_000)});
        let path = format!("/content/posts/{post}/published");
        assert_eq!(world.post(&path, &key, told).await.status, 200);
    }
    let (version, fsync): (String, String) =
        sqlx::query_as("SELECT current_setting('server_version'), current_setting('fsync')")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
    println!(
        "Postgres {version}, fsync {fsync}, {} cores for client, API and Postgres; {POSTS} posts, half of them in an experiment",
        std::thread::available_parallelism().unwrap()
    );
    for clients in [1, 2, 4] {
        let bodies = bodies(&ids, clients);
        let bytes: usize = bodies.iter().map(String::len).sum();
        let (elapsed, applied) = send(&world, &key, bodies).await;
        assert_eq!(applied, EVENTS as u64);
        tell(
            &format!("{clients} connections, new events"),
            elapsed,
            bytes,
        );
    }
    let again = bodies(&ids, 4);
    let bytes: usize = again.iter().map(String::len).sum();
    let (elapsed, applied) = send(&world, &key, again).await;
    assert_eq!(applied, 0);
    tell("4 connections, all of them duplicates", elapsed, bytes);
    let stored: (i64, f64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM outcome_events), (SELECT sum(events) FROM outcome_totals)",
    )
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    assert_eq!(stored, (3 * EVENTS as i64, 3.0 * EVENTS as f64));
    println!("{} events stored, and the totals say the same", stored.0);
}

/// All events in requests, by whole posts in turn; `run` makes ids that no other run has.
fn bodies(ids: &[Uuid], run: usize) -> Vec<String> {
    let at = ago(500).to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = |first: usize| {
        let mut body = String::new();
        for number in first..first + REQUEST {
            let (post, metric) = (ids[number % ids.len()], METRICS[number / ids.len() % 4]);
            writeln!(
                body,
                r#"{{"eventId":"run{run}-{number}","postId":"{post}","metric":"{metric}","value":1,"at":"{at}"}}"#
            )
            .unwrap();
        }
        body
    };
    (0..EVENTS / REQUEST)
        .map(|number| body(number * REQUEST))
        .collect()
}

/// Sends them over as many connections as the run's number says; 4 where all were sent before.
async fn send(world: &World, key: &str, bodies: Vec<String>) -> (Duration, u64) {
    let clients: usize = bodies[0]
        .strip_prefix(r#"{"eventId":"run"#)
        .and_then(|rest| rest.chars().next())
        .and_then(|digit| digit.to_digit(10))
        .unwrap() as usize;
    let started = Instant::now();
    let mut lanes = vec![Vec::new(); clients];
    for (number, body) in bodies.into_iter().enumerate() {
        lanes[number % clients].push(body);
    }
    let lanes = lanes.into_iter().map(async |lane| {
        let mut applied = 0;
        for body in lane {
            let answer = world.outcomes(key, body).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            applied += answer.body["applied"].as_u64().unwrap();
        }
        applied
    });
    let applied = futures::future::join_all(lanes).await.iter().sum();
    (started.elapsed(), applied)
}

fn tell(what: &str, elapsed: Duration, bytes: usize) {
    let rate = EVENTS as f64 / elapsed.as_secs_f64();
    let verdict = if rate >= GOAL { "reached" } else { "MISSED" };
    println!(
        "{what}: {EVENTS} events ({} MB) in {:.2} s = {rate:.0} events/s (goal {GOAL:.0}: {verdict})",
        bytes / 1_000_000,
        elapsed.as_secs_f64()
    );
}
