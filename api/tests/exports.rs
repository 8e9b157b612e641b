//! Exports of portfolios over a real object store. Without one (TEST_OBJECT_STORE_URL) they are skipped.
#![allow(clippy::unwrap_used)]

mod support;

use api::exports::{Exports, ObjectStoreSettings};
use domain::digest::sha256_hex;
use serde_json::{Value, json};
use std::sync::Arc;
use support::{ALL, World};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn object_store() -> Option<ObjectStoreSettings> {
    let of = |name: &str| std::env::var(format!("TEST_OBJECT_STORE_{name}")).ok();
    let Some(url) = of("URL") else {
        eprintln!("skipped: no object store; `cargo xtask test` starts one");
        return None;
    };
    Some(ObjectStoreSettings {
        object_store_endpoint: Some(url),
        object_store_public_endpoint: None,
        object_store_bucket: of("BUCKET").unwrap(),
        object_store_region: "us-east-1".to_owned(),
        object_store_access_key_id: of("ACCESS_KEY_ID"),
        object_store_secret_access_key: of("SECRET_ACCESS_KEY").map(Into::into),
    })
}

/// A process that writes what is queued, until it is dropped.
struct Writer {
    _stop: tokio_util::sync::DropGuard,
}

fn writer(world: &World) -> Writer {
    let stop = CancellationToken::new();
    let (app, token) = (world.app.clone(), stop.clone());
    tokio::spawn(async move {
        let exports: Arc<Exports> = app.exports.clone().unwrap();
        exports.run(&app.store, &token).await;
    });
    Writer {
        _stop: stop.drop_guard(),
    }
}

async fn record(world: &World, key: &str, title: &str, visibility: &str) -> Uuid {
    let body = json!({"title": title, "category": "feature", "visibility": visibility,
        "completed_at": "2026-03-01T00:00:00Z", "people": [{"login": "ada", "role": "author"}]});
    let made = world.post("/achievements/", key, body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id: Uuid = made.body["id"].as_str().unwrap().parse().unwrap();
    let sql = "UPDATE achievements SET impact_score = 40, analyzed_at = now(), portfolio_ready = true WHERE id = $1";
    sqlx::query(sql)
        .bind(id)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    id
}

async fn run_sql(world: &World, statement: &'static str) {
    sqlx::query(statement)
        .execute(&mut world.sql().await)
        .await
        .unwrap();
}

async fn download(world: &World, export: &Value) -> (u16, Vec<u8>) {
    let link = export["link"].as_str().expect("a link");
    let answer = world.client().get(link).send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.bytes().await.unwrap().to_vec(),
    )
}

#[tokio::test]
async fn a_portfolio_is_written_and_its_link_leads_to_the_very_bytes() {
    let (Some(world), Some(settings)) = (World::create().await, object_store()) else {
        return;
    };
    let world = world.with_exports(&settings).await;
    let _writer = writer(&world);
    let key = world.key("team", &ALL).await;
    record(&world, &key, "Invoices can be exported", "public").await;
    record(&world, &key, "A secret plan", "private").await;
    let asked = json!({"format": "json", "template": "full-archive"});
    let made = world.post("/portfolio/export", &key, asked.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (status, bytes) = download(&world, &made.body).await;
    assert_eq!(status, 200);
    assert_eq!(sha256_hex(&bytes), made.body["sha256"].as_str().unwrap());
    assert_eq!(i64::try_from(bytes.len()).unwrap(), made.body["bytes"]);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("Invoices can be exported") && !text.contains("secret plan"));
    assert_eq!(
        (&made.body["items"], &made.body["left_out"]["private"]),
        (&json!(1), &json!(1))
    );

    let mut with_private = asked;
    with_private["include_private"] = json!(true);
    let made = world.post("/portfolio/export", &key, with_private).await;
    assert_eq!((made.status, &made.body["items"]), (201, &json!(2)));
    // FAULTS 58: an id alone opens nothing to another namespace.
    let path = made.headers["location"].to_str().unwrap();
    assert_eq!(world.get(path, &key).await.body["status"], "done");
    let other = world.key("other", &ALL).await;
    assert_eq!(world.get(path, &other).await.status, 404);
    let listed = world.get("/portfolio/exports", &key).await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn while_the_object_store_is_away_an_export_waits_and_says_why() {
    let (Some(world), Some(settings)) = (World::create().await, object_store()) else {
        return;
    };
    let away = ObjectStoreSettings {
        object_store_endpoint: Some("http://127.0.0.1:9".to_owned()),
        ..settings.clone()
    };
    let world = world.with_exports(&away).await;
    let broken = writer(&world);
    let key = world.key("team", &ALL).await;
    record(&world, &key, "Invoices can be exported", "public").await;
    let made = world
        .post("/portfolio/export", &key, json!({"format": "csv"}))
        .await;
    assert_eq!(made.status, 202, "{}", made.body);
    assert_eq!(made.body["status"], "queued");
    assert!(made.body["error"].as_str().unwrap().len() > 10);
    assert_eq!(made.body["link"], Value::Null);
    drop(broken);

    let world = world.with_exports(&settings).await;
    run_sql(&world, "UPDATE portfolio_exports SET not_before = now()").await;
    let exports = world.app.exports.clone().unwrap();
    assert!(exports.write_next(&world.app.store).await.unwrap());
    let path = format!("/portfolio/exports/{}", made.body["id"].as_str().unwrap());
    let read = world.get(&path, &key).await;
    assert_eq!(
        (&read.body["status"], &read.body["error"]),
        (&json!("done"), &Value::Null)
    );
    assert_eq!(download(&world, &read.body).await.0, 200);
}

/// FAULTS 10: whoever wrote it was killed; the next one writes it, and the lost one changes nothing when it comes back.
#[tokio::test]
async fn an_export_whose_writer_was_lost_is_written_by_another() {
    let (Some(world), Some(settings)) = (World::create().await, object_store()) else {
        return;
    };
    let world = world.with_exports(&settings).await;
    let key = world.key("team", &ALL).await;
    let asked = json!({"format": "json", "key": Uuid::from_u128(4)});
    let request = world.request(reqwest::Method::POST, "/portfolio/export", &key);
    let made = support::read(request.header("prefer", "wait=0").json(&asked)).await;
    assert_eq!(made.status, 202);
    let store = &world.app.store;
    let lost = store.claim_export(60).await.unwrap().unwrap();
    let exports = world.app.exports.clone().unwrap();
    assert!(!exports.write_next(store).await.unwrap(), "it has a writer");
    run_sql(
        &world,
        "UPDATE portfolio_exports SET lease_until = now() - interval '1 second'",
    )
    .await;
    assert!(exports.write_next(store).await.unwrap());
    let again = world.post("/portfolio/export", &key, asked).await;
    assert_eq!((again.status, &again.body["attempts"]), (201, &json!(2)));
    assert_eq!(
        again.body["id"], made.body["id"],
        "the same key is the same export"
    );
    let late = backends::postgres::api::achievements::WrittenExport {
        bytes: 1,
        sha256: "0".repeat(64),
        items: 9,
        left_out: json!({}),
    };
    assert!(!store.finish_export(&lost, &late).await.unwrap());
}

#[tokio::test]
async fn an_export_is_removed_when_its_time_is_over() {
    let (Some(world), Some(settings)) = (World::create().await, object_store()) else {
        return;
    };
    let world = world.with_exports(&settings).await;
    let key = world.key("team", &ALL).await;
    let made = {
        let _writer = writer(&world);
        world
            .post("/portfolio/export", &key, json!({"format": "json"}))
            .await
    };
    assert_eq!(made.status, 201, "{}", made.body);
    run_sql(
        &world,
        "UPDATE portfolio_exports SET expires_at = now() - interval '1 second'",
    )
    .await;
    let _tidying = writer(&world);
    let path = format!("/portfolio/exports/{}", made.body["id"].as_str().unwrap());
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while world.get(&path, &key).await.status != 404 {
        assert!(tokio::time::Instant::now() < deadline, "it is still there");
        tokio::task::yield_now().await;
    }
    assert_eq!(download(&world, &made.body).await.0, 404);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_queued() {
    let Some(world) = World::create().await else {
        return;
    };
    let key = world.key("team", &ALL).await;
    let bare = world
        .post("/portfolio/export", &key, json!({"format": "pdf"}))
        .await;
    assert_eq!(bare.status, 503, "nothing is set up");
    assert!(
        bare.body["detail"]
            .as_str()
            .unwrap()
            .contains("objectStore")
    );
    let settings = ObjectStoreSettings {
        object_store_endpoint: Some("http://127.0.0.1:9".to_owned()),
        object_store_access_key_id: Some("a".to_owned()),
        object_store_secret_access_key: Some("b".to_owned().into()),
        object_store_bucket: "threads-tests".to_owned(),
        object_store_region: "us-east-1".to_owned(),
        ..ObjectStoreSettings::default()
    };
    let world = world.with_exports(&settings).await;
    for body in [
        json!({}),
        json!({"format": "exe"}),
        json!({"format": "pdf", "template": "../../etc/passwd"}),
        json!({"format": "pdf", "path": "/etc"}),
        json!({"format": "pdf", "title": "a\u{0}b"}),
        json!({"format": "pdf", "person": ""}),
        json!({"format": "pdf", "category": "nonsense"}),
        json!({"format": "pdf", "min_impact_score": 101}),
        json!({"format": "pdf", "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}),
    ] {
        let refused = world.post("/portfolio/export", &key, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
    }
    let asked = |format: &str| json!({"format": format, "key": Uuid::from_u128(5)});
    let queue = async |body: Value| {
        let request = world.request(reqwest::Method::POST, "/portfolio/export", &key);
        support::read(request.header("prefer", "wait=0").json(&body)).await
    };
    assert_eq!(queue(asked("pdf")).await.status, 202);
    assert_eq!(queue(asked("csv")).await.status, 409, "the key is taken");
    for number in 1..backends::postgres::api::achievements::MAX_WAITING {
        let body =
            json!({"format": "pdf", "key": Uuid::from_u128(u128::try_from(number).unwrap() + 100)});
        assert_eq!(queue(body).await.status, 202);
    }
    assert_eq!(queue(json!({"format": "pdf"})).await.status, 429);
    let reader = world.key("team", &["posts:read"]).await;
    let refused = world
        .post("/portfolio/export", &reader, json!({"format": "pdf"}))
        .await;
    assert_eq!(refused.status, 403);
}
