//! Webhooks: what is signed is kept once, and everything else leaves nothing behind.
#![allow(clippy::unwrap_used)]

mod support;

use api::Limits;
use backends::sealed::Sealer;
use reqwest::{Client, RequestBuilder};
use ring::hmac;
use serde_json::{Value, json};
use std::{fmt::Write, net::SocketAddr, time::Duration};
use support::{Answer, PEPPER, World, read};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

const NEW: &[u8] = b"the secret after its rotation";
const OLD: &[u8] = b"the secret before its rotation";
const BODY: &str = r#"{"zen": "Keep it logically awesome.", "text": "é"}"#;

/// A source that has both secrets.
async fn source(world: &World, keys: bool) -> Uuid {
    let uid = Uuid::new_v4();
    let sealer = Sealer::new(PEPPER.as_bytes()).unwrap();
    sqlx::query(
        "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest, webhook_keys)
         VALUES ($1, 'team', $2, $3, '{}', 'd', $4)",
    )
    .bind(uid)
    .bind(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"team"))
    .bind(uid.to_string())
    .bind(keys.then(|| sealer.seal(&[NEW.to_vec(), OLD.to_vec()], uid).unwrap()))
    .execute(&mut world.sql().await)
    .await
    .unwrap();
    uid
}

fn signature(secret: &[u8], body: &[u8]) -> String {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    mac.as_ref()
        .iter()
        .fold("sha256=".to_owned(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
}

/// A delivery without a signature.
fn bare(address: SocketAddr, source: &str, id: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
    Client::new()
        .post(format!("http://{address}/webhooks/github/{source}"))
        .header("content-type", "application/json")
        .header("x-github-event", "pull_request")
        .header("x-github-delivery", id)
        .body(body.into())
}

fn signed(
    address: SocketAddr,
    source: Uuid,
    id: &str,
    secret: &[u8],
    body: &[u8],
) -> RequestBuilder {
    bare(address, &source.to_string(), id, body)
        .header("x-hub-signature-256", signature(secret, body))
}

async fn inbox(world: &World) -> Vec<(String, String, String, Vec<u8>)> {
    sqlx::query_as("SELECT namespace, delivery_id, event, body FROM webhook_inbox ORDER BY id")
        .fetch_all(&mut world.sql().await)
        .await
        .unwrap()
}

fn outcome(answer: &Answer) -> (u16, &str) {
    (
        answer.status,
        answer.body["outcome"].as_str().unwrap_or("-"),
    )
}

/// 2xx means that the row is committed: another connection sees it before anything else happens.
#[tokio::test]
async fn a_signed_delivery_is_kept_as_it_came_with_either_secret() {
    let Some(world) = World::create().await else {
        return;
    };
    let uid = source(&world, true).await;
    for (index, secret) in [NEW, OLD].into_iter().enumerate() {
        let id = format!("id-{index}");
        let answer = read(signed(
            world.achievements,
            uid,
            &id,
            secret,
            BODY.as_bytes(),
        ))
        .await;
        assert_eq!(outcome(&answer), (202, "accepted"), "{}", answer.body);
        assert_eq!(inbox(&world).await.len(), index + 1);
    }
    let row = &inbox(&world).await[0];
    assert_eq!(
        (row.0.as_str(), row.1.as_str(), row.2.as_str()),
        ("team", "id-0", "pull_request")
    );
    assert_eq!(row.3, BODY.as_bytes());
}

/// FAULTS 52: to another process as well, as after a restart.
#[tokio::test]
async fn a_replayed_delivery_has_no_effect() {
    let Some(world) = World::create().await else {
        return;
    };
    let (uid, other) = (source(&world, true).await, source(&world, true).await);
    let restarted = world.restarted().await;
    let body = BODY.as_bytes();
    let first = read(signed(world.achievements, uid, "same", NEW, body)).await;
    assert_eq!(outcome(&first), (202, "accepted"));
    for address in [world.achievements, restarted] {
        let again = read(signed(address, uid, "same", NEW, body)).await;
        assert_eq!(outcome(&again), (200, "replayed"));
    }
    assert_eq!(inbox(&world).await.len(), 1);
    let elsewhere = read(signed(restarted, other, "same", NEW, body)).await;
    assert_eq!(
        outcome(&elsewhere),
        (202, "accepted"),
        "ids are a source's own"
    );
    // All at once.
    let many = (0..20).map(|_| read(signed(world.achievements, uid, "burst", NEW, body)));
    let answers = futures::future::join_all(many).await;
    let accepted = answers.iter().filter(|it| it.status == 202).count();
    assert_eq!((accepted, inbox(&world).await.len()), (1, 3));
}

/// FAULTS 51, 58: each of these is the same answer, before anything is parsed; it tells nobody which sources there are.
#[tokio::test]
async fn what_is_not_signed_is_refused_alike() {
    let Some(world) = World::create().await else {
        return;
    };
    let (uid, keyless) = (source(&world, true).await, source(&world, false).await);
    let path = uid.to_string();
    let body = BODY.as_bytes();
    let own = || bare(world.achievements, &path, "id", body);
    let reserialised: Value = serde_json::from_str(BODY).unwrap();
    let of_reserialised = signature(NEW, reserialised.to_string().as_bytes());
    let good = signature(NEW, body);
    let mut requests = vec![
        ("none", own()),
        (
            "SHA-1 only",
            own().header(
                "x-hub-signature",
                "sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            ),
        ),
        (
            "truncated",
            own().header("x-hub-signature-256", &good[..good.len() - 2]),
        ),
        (
            "of JSON put together again",
            own().header("x-hub-signature-256", of_reserialised),
        ),
        (
            "another secret",
            own().header("x-hub-signature-256", signature(b"guess", body)),
        ),
        (
            "an empty secret",
            own().header("x-hub-signature-256", signature(b"", body)),
        ),
        (
            "two",
            own()
                .header("x-hub-signature-256", &good)
                .header("x-hub-signature-256", &good),
        ),
        (
            "a source without a secret",
            signed(world.achievements, keyless, "id", NEW, body),
        ),
        (
            "no JSON, not signed",
            bare(world.achievements, &path, "id", b"\xff{".as_slice()),
        ),
    ];
    for unknown in [
        Uuid::new_v4().to_string(),
        Uuid::nil().to_string(),
        "'; DROP TABLE".to_owned(),
        "..%2F..".to_owned(),
    ] {
        let request =
            bare(world.achievements, &unknown, "id", body).header("x-hub-signature-256", &good);
        requests.push(("an unknown source", request));
    }
    let mut answers = Vec::new();
    for (what, request) in requests {
        let answer = read(request).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|it| *it == answers[0]), "{answers:?}");
    assert!(inbox(&world).await.is_empty());
}

/// FAULTS 53, 54, and issue 5's row of bad input.
#[tokio::test]
async fn bad_bodies_and_headers_are_refused_and_leave_nothing() {
    let limits = Limits {
        webhook_bytes: 2_000,
        idle: Duration::from_millis(100),
        ..Limits::default()
    };
    let Some(world) = World::with_limits(limits).await else {
        return;
    };
    let uid = source(&world, true).await;
    let send = |id: &str, body: &[u8]| signed(world.achievements, uid, id, NEW, body);
    let cases = [
        (413, send("id", &[b'x'; 2_001])),
        (415, send("id", b"{}").header("content-encoding", "gzip")),
        (400, send("", b"{}")),
        (400, send(&"x".repeat(200), b"{}")),
        (
            400,
            send("id", b"{}").header("x-github-delivery", "another"),
        ),
        (400, send("id", b"{}").header("x-github-event", "push")),
    ];
    for (status, request) in cases {
        let answer = read(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let text = Client::new()
        .post(format!(
            "http://{}/webhooks/github/{uid}",
            world.achievements
        ))
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(read(text).await.status, 415);
    // A body that stops coming.
    let mut slow = TcpStream::connect(world.achievements).await.unwrap();
    let head = format!(
        "POST /webhooks/github/{uid} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(inbox(&world).await.is_empty());
    // Text that looks like SQL is an id like any other; what is signed and no JSON is kept for the operator to name.
    let id = "';DELETE/**/FROM/**/webhook_inbox;--";
    assert_eq!(read(send(id, b"\xff{")).await.status, 202);
    assert_eq!(inbox(&world).await[0].1, id);
}

#[tokio::test]
async fn forms_are_read_and_events_of_no_interest_are_not_kept() {
    let Some(world) = World::create().await else {
        return;
    };
    let uid = source(&world, true).await;
    let url = format!("http://{}/webhooks/github/{uid}", world.achievements);
    let send = |event: &'static str, media: &'static str, body: String| {
        Client::new()
            .post(&url)
            .header("content-type", media)
            .header("x-github-event", event)
            .header("x-github-delivery", "id")
            .header("x-hub-signature-256", signature(NEW, body.as_bytes()))
            .body(body)
    };
    let form = "application/x-www-form-urlencoded";
    for event in ["ping", "issues"] {
        let answer = read(send(event, "application/json", BODY.to_owned())).await;
        assert_eq!(outcome(&answer), (200, "ignored"), "{event}");
    }
    let payload = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", BODY)
        .finish();
    let answer = read(send("push", form, payload)).await;
    assert_eq!(outcome(&answer), (202, "accepted"));
    assert_eq!(inbox(&world).await[0].3, BODY.as_bytes());
    let answer = read(send("push", form, "a=b".to_owned())).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    // What is no UTF-8 stays so, and the operator names it (FAULTS 54).
    sqlx::query("DELETE FROM webhook_inbox")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let answer = read(send("push", form, "a=b&payload=%7B%22a%22+%FF".to_owned())).await;
    assert_eq!(outcome(&answer), (202, "accepted"));
    assert_eq!(inbox(&world).await[0].3, b"{\"a\" \xff");
}

/// FAULTS 58, 60: the owner reads on the source why deliveries are refused; nothing of the request stands there.
#[tokio::test]
async fn the_source_tells_what_became_of_its_webhook() {
    let Some(world) = World::create().await else {
        return;
    };
    let uid = source(&world, true).await;
    let mut sql = world.sql().await;
    let refused = bare(world.achievements, &uid.to_string(), "id", BODY)
        .header("x-hub-signature-256", signature(b"canary", BODY.as_bytes()));
    assert_eq!(read(refused).await.status, 401);
    let note = async |sql: &mut sqlx::PgConnection, wanted: fn(&Value) -> bool| {
        tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let row: Value = sqlx::query_scalar(
                    "SELECT to_jsonb(source) FROM achievement_sources source WHERE uid = $1",
                )
                .bind(uid)
                .fetch_one(&mut *sql)
                .await
                .unwrap();
                if wanted(&row) {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap()
    };
    let row = note(&mut sql, |row| !row["webhook_error"].is_null()).await;
    assert!(row["webhook_verified_at"].is_null());
    let error = row["webhook_error"].as_str().unwrap();
    assert!(
        error.contains("signature") && !error.contains("canary"),
        "{error}"
    );
    let accepted = signed(world.achievements, uid, "id", NEW, BODY.as_bytes());
    assert_eq!(read(accepted).await.status, 202);
    let row = note(&mut sql, |row| row["webhook_error"].is_null()).await;
    assert!(row["webhook_verified_at"].is_string() && row["last_delivery_at"].is_string());
}

/// 2xx only after the row is committed: without the database nothing is acknowledged.
#[tokio::test]
async fn without_the_database_no_delivery_is_acknowledged() {
    let Some(world) = World::create().await else {
        return;
    };
    let uid = source(&world, true).await;
    sqlx::query("ALTER TABLE webhook_inbox ADD CHECK (false) NOT VALID")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let answer = read(signed(world.achievements, uid, "id", NEW, BODY.as_bytes())).await;
    assert!(answer.status >= 400, "{}", answer.body);
    sqlx::query("ALTER TABLE webhook_inbox DROP CONSTRAINT webhook_inbox_check")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let again = read(signed(world.achievements, uid, "id", NEW, BODY.as_bytes())).await;
    assert_eq!(outcome(&again), (202, "accepted"));
    assert_eq!(json!(inbox(&world).await.len()), json!(1));
}
