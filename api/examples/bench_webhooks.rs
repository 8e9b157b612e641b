//! Signed deliveries over HTTP until their row is committed: at a steady rate, and as a burst with duplicates in it. Client, API and
//! Postgres share the machine's cores.
//!
//! `cargo xtask bench webhooks`, or with `TEST_POSTGRES_SUPERUSER_URL` set `cargo run --release -p threads-api --example bench_webhooks`.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use backends::sealed::Sealer;
use futures::{StreamExt, stream};
use reqwest::Client;
use ring::hmac;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::{fmt::Write, net::SocketAddr, time::Duration};
use support::{PEPPER, World};
use tokio::time::Instant;
use uuid::Uuid;

/// Deliveries a second, and for how long.
const RATE: u32 = 200;
const SECONDS: u32 = 60;
/// Deliveries at once, and how many of them come a second time in between.
const BURST: usize = 5_000;
const REPEATED: usize = 500;
const CONNECTIONS: usize = 64;
const GOAL: Duration = Duration::from_millis(50);
const SECRET: &[u8] = b"thirty-two bytes for a benchmark";

#[tokio::main]
async fn main() {
    let Some(world) = World::create().await else {
        std::process::exit(1);
    };
    let target = Target::of(&world).await;
    let (version, fsync): (String, String) =
        sqlx::query_as("SELECT current_setting('server_version'), current_setting('fsync')")
            .fetch_one(&mut world.sql().await)
            .await
            .unwrap();
    println!(
        "Postgres {version}, fsync {fsync}, {} cores for client, API and Postgres; bodies of {} bytes",
        std::thread::available_parallelism().unwrap(),
        target.body.len()
    );
    tell(
        "peer: one INSERT and COMMIT, one connection",
        peer(&world, &target).await,
        None,
    );
    steady(&target).await; // Warms connections and plans.
    tell(
        &format!("{RATE} deliveries a second for {SECONDS} s, from when each was due"),
        steady(&target).await,
        Some(GOAL),
    );
    burst(&world, &target).await;
}

/// A source whose secret is known, and a delivery of the size that GitHub sends.
struct Target {
    address: SocketAddr,
    source: Uuid,
    client: Client,
    body: Vec<u8>,
    signature: String,
}

impl Target {
    async fn of(world: &World) -> Self {
        let source = Uuid::new_v4();
        let keys = Sealer::new(PEPPER.as_bytes())
            .unwrap()
            .seal(&[SECRET.to_vec()], source)
            .unwrap();
        sqlx::query(
            "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest, webhook_keys)
             VALUES ($1, 'team', $1, 'shop', '{}', 'd', $2)",
        )
        .bind(source)
        .bind(keys)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
        // A delivery of a pull request has about 25 kB.
        let body = json!({"action": "closed", "number": 1, "pull_request": {"title": "feat: invoices", "body": "x".repeat(24_000)}});
        let body = body.to_string().into_bytes();
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), &body);
        let mut signature = "sha256=".to_owned();
        for byte in mac.as_ref() {
            write!(signature, "{byte:02x}").unwrap();
        }
        Self {
            address: world.achievements,
            source,
            client: world.client().clone(),
            body,
            signature,
        }
    }

    /// The time from `due` until the answer; it must say that the delivery is kept.
    async fn deliver(&self, id: String, due: Instant) -> Duration {
        let answer = self
            .client
            .post(format!(
                "http://{}/webhooks/github/{}",
                self.address, self.source
            ))
            .header("content-type", "application/json")
            .header("x-github-event", "pull_request")
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", &self.signature)
            .body(self.body.clone())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.bytes().await.unwrap();
        due.elapsed()
    }
}

/// At a rate that does not wait for slow answers: a delivery that is sent late counts from when it was due.
async fn steady(target: &Target) -> Vec<Duration> {
    let run = Uuid::new_v4();
    let start = Instant::now();
    let deliveries = (0..RATE * SECONDS).map(async |number| {
        let due = start + Duration::from_secs(1) * number / RATE;
        tokio::time::sleep_until(due).await;
        target.deliver(format!("{run}-{number}"), due).await
    });
    futures::future::join_all(deliveries).await
}

/// Thousands at once, some of them twice: each is kept once.
async fn burst(world: &World, target: &Target) {
    let run = Uuid::new_v4();
    let ids = (0..BURST).flat_map(|number| {
        let id = format!("{run}-{number}");
        let again = (number % (BURST / REPEATED) == 0).then(|| id.clone());
        std::iter::once(id).chain(again)
    });
    let start = Instant::now();
    let times: Vec<Duration> = stream::iter(ids)
        .map(|id| target.deliver(id, Instant::now()))
        .buffer_unordered(CONNECTIONS)
        .collect()
        .await;
    let elapsed = start.elapsed();
    let (rows, distinct): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT delivery_id) FROM webhook_inbox WHERE delivery_id LIKE $1",
    )
    .bind(format!("{run}-%"))
    .fetch_one(&mut world.sql().await)
    .await
    .unwrap();
    println!(
        "burst: {} deliveries over {CONNECTIONS} connections in {:.2} s = {:.0}/s; {BURST} different ones, {distinct} kept, {} doubled",
        times.len(),
        elapsed.as_secs_f64(),
        times.len() as f64 / elapsed.as_secs_f64(),
        rows - distinct
    );
    assert_eq!((rows, distinct), (BURST as i64, BURST as i64));
}

/// What the database alone takes for a row of the same size.
async fn peer(world: &World, target: &Target) -> Vec<Duration> {
    let mut connection = PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap();
    let mut times = Vec::new();
    for number in 0..1_000 {
        let start = Instant::now();
        sqlx::query("INSERT INTO webhook_inbox (namespace, source_uid, delivery_id, event, body) VALUES ('team', $1, $2, 'push', $3)")
            .bind(target.source)
            .bind(format!("peer-{number}"))
            .bind(&target.body)
            .execute(&mut connection)
            .await
            .unwrap();
        times.push(start.elapsed());
    }
    times
}

fn tell(what: &str, mut times: Vec<Duration>, goal: Option<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1000];
    let verdict = goal.map_or(String::new(), |goal| {
        let word = if at(990) <= goal { "reached" } else { "MISSED" };
        format!(" (goal of p99 {} ms: {word})", goal.as_millis())
    });
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms of {}{verdict}",
        at(500).as_secs_f64() * 1e3,
        at(990).as_secs_f64() * 1e3,
        at(1000).as_secs_f64() * 1e3,
        times.len()
    );
}
