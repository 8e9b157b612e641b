#![allow(clippy::unwrap_used)]

use super::*;
use backends::postgres::testing::TestDatabase;
use serde_json::{Value, json};
use sqlx::Connection;
use uuid::Uuid;

struct Scene {
    _database: TestDatabase,
    store: OperatorStore,
    metrics: Metrics,
    source: Uuid,
}

impl Scene {
    async fn create() -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let source = Uuid::from_u128(5);
        let settings = json!({"host": "github.com", "apiBaseUrl": "https://api.github.com", "owner": "acme", "repository": "shop",
            "filters": {"excludeLabels": ["chore"]}, "since": null, "backfillEverySeconds": 3600, "resources": 20, "embedding": null,
            "publish": {}, "token": false});
        sqlx::query(
            "INSERT INTO achievement_sources (uid, namespace, namespace_uid, name, settings, settings_digest)
             VALUES ($1, 'team', $2, 'shop', $3, 'd')",
        )
        .bind(source)
        .bind(Uuid::from_u128(9))
        .bind(settings)
        .execute(store.pool())
        .await
        .unwrap();
        Some(Self {
            _database: database,
            store,
            metrics: Metrics::new().unwrap(),
            source,
        })
    }

    async fn deliver(&self, id: &str, event: &str, body: &[u8]) {
        sqlx::query(
            "INSERT INTO webhook_inbox (namespace, source_uid, delivery_id, event, body) VALUES ('team', $1, $2, $3, $4)",
        )
        .bind(self.source)
        .bind(id)
        .bind(event)
        .bind(body)
        .execute(self.store.pool())
        .await
        .unwrap();
    }

    async fn round(&self) {
        round(&self.store, &self.metrics).await.unwrap();
    }

    async fn outcome(&self, id: &str) -> Option<String> {
        sqlx::query_scalar("SELECT outcome FROM webhook_inbox WHERE delivery_id = $1")
            .bind(id)
            .fetch_one(self.store.pool())
            .await
            .unwrap()
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.store.pool())
            .await
            .unwrap()
    }
}

const MERGE: &str = "0123456789abcdef0123456789abcdef01234567";

fn merged(number: i64, label: &str) -> Vec<u8> {
    let body: Value = json!({"action": "closed", "number": number,
        "repository": {"id": 7, "full_name": "acme/shop", "default_branch": "main", "private": false, "visibility": "public"},
        "pull_request": {"number": number, "title": "feat: faster", "body": "Saves 2 hours a week", "merged": true,
            "html_url": "https://github.com/acme/shop/pull/3", "created_at": "2026-01-02T00:00:00Z", "merged_at": "2026-01-03T00:00:00Z",
            "updated_at": "2026-01-03T00:00:05Z", "merge_commit_sha": MERGE, "user": {"login": "ada", "type": "User"},
            "labels": [{"name": label}], "base": {"ref": "main"}, "head": {"ref": "faster", "sha": MERGE}}});
    body.to_string().into_bytes()
}

fn deployed() -> Vec<u8> {
    json!({"action": "created",
        "repository": {"id": 7, "full_name": "acme/shop", "default_branch": "main", "private": false, "visibility": "public"},
        "deployment": {"id": 11, "sha": MERGE, "environment": "production", "creator": {"login": "ada", "type": "User"}},
        "deployment_status": {"state": "success", "created_at": "2026-01-05T00:00:00Z"}})
    .to_string()
    .into_bytes()
}

#[tokio::test]
async fn a_merged_pull_request_becomes_one_record_with_its_evidence_in_whatever_order() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.deliver("1", "deployment_status", &deployed()).await;
    scene.deliver("2", "pull_request", &merged(3, "perf")).await;
    scene.deliver("3", "pull_request", &merged(3, "perf")).await;
    scene.round().await;
    for (id, outcome) in [("1", "evidence"), ("2", "recorded"), ("3", "recorded")] {
        assert_eq!(scene.outcome(id).await.as_deref(), Some(outcome), "{id}");
    }
    assert_eq!(scene.count("SELECT count(*) FROM achievements").await, 1);
    assert_eq!(
        scene
            .count("SELECT count(*) FROM achievement_evidence_links")
            .await,
        1
    );
    assert_eq!(
        scene
            .count("SELECT count(*) FROM achievement_tasks WHERE status = 'queued'")
            .await,
        1,
        "analysed once, by its newest facts"
    );
    assert_eq!(
        scene
            .count("SELECT count(*) FROM webhook_inbox WHERE body IS NOT NULL")
            .await,
        0,
        "bodies are not kept"
    );
}

/// FAULTS 40, 52: what is no delivery is kept as invalid with the reason, and holds nothing else up.
#[tokio::test]
async fn what_cannot_be_read_or_is_not_wanted_is_told_apart_and_holds_nothing_up() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.deliver("null", "pull_request", b"null").await;
    scene
        .deliver("bytes", "pull_request", b"{\"a\": \"\xff\"}")
        .await;
    let deep = "[".repeat(200_000);
    scene.deliver("deep", "pull_request", deep.as_bytes()).await;
    scene.deliver("empty", "pull_request", b"{}").await;
    scene
        .deliver("chore", "pull_request", &merged(4, "chore"))
        .await;
    scene.deliver("star", "star", b"{}").await;
    scene
        .deliver("good", "pull_request", &merged(5, "perf"))
        .await;
    scene.round().await;
    for (id, outcome) in [
        ("null", "invalid"),
        ("bytes", "invalid"),
        ("deep", "invalid"),
        ("empty", "invalid"),
        ("chore", "filtered"),
        ("star", "ignored"),
        ("good", "recorded"),
    ] {
        assert_eq!(scene.outcome(id).await.as_deref(), Some(outcome), "{id}");
    }
    assert_eq!(scene.count("SELECT count(*) FROM achievements").await, 1);
    assert_eq!(
        scene
            .count(
                "SELECT count(*) FROM webhook_inbox WHERE outcome = 'invalid' AND error IS NOT NULL"
            )
            .await,
        4
    );
}

/// A suspended source's deliveries wait; a deleted one's are told as ignored.
#[tokio::test]
async fn a_suspended_source_waits() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    sqlx::query("UPDATE achievement_sources SET suspended = true")
        .execute(scene.store.pool())
        .await
        .unwrap();
    scene.deliver("1", "pull_request", &merged(3, "perf")).await;
    scene.round().await;
    assert_eq!(scene.outcome("1").await, None);
    assert_eq!(scene.metrics.achievements.deliveries_waiting.get(), 1);
    sqlx::query("UPDATE achievement_sources SET suspended = false")
        .execute(scene.store.pool())
        .await
        .unwrap();
    scene.round().await;
    assert_eq!(scene.outcome("1").await.as_deref(), Some("recorded"));
}

/// FAULTS 10: killed between the mark and the record, neither is there; the next round does both.
#[tokio::test]
async fn the_mark_and_the_record_stand_or_fall_together() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.deliver("1", "pull_request", &merged(3, "perf")).await;
    let mut sql = sqlx::PgConnection::connect(&scene._database.superuser_url)
        .await
        .unwrap();
    sqlx::query("ALTER TABLE achievements ADD CONSTRAINT broken CHECK (false) NOT VALID")
        .execute(&mut sql)
        .await
        .unwrap();
    scene.round().await;
    assert_eq!(scene.outcome("1").await, None, "it is tried again");
    assert_eq!(scene.count("SELECT count(*) FROM achievements").await, 0);
    sqlx::query("ALTER TABLE achievements DROP CONSTRAINT broken")
        .execute(&mut sql)
        .await
        .unwrap();
    sqlx::query("UPDATE webhook_inbox SET not_before = now()")
        .execute(&mut sql)
        .await
        .unwrap();
    scene.round().await;
    assert_eq!(scene.outcome("1").await.as_deref(), Some("recorded"));
}
