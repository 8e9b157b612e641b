#![allow(clippy::unwrap_used)]

use super::*;
use crate::metrics::Metrics;
use backends::postgres::testing::TestDatabase;
use domain::notifications::Topic;
use serde_json::Value;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

const KEY: &str = "of this test";

struct Scene {
    _database: TestDatabase,
    store: OperatorStore,
    metrics: Metrics,
    server: MockServer,
}

impl Scene {
    async fn create() -> Option<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::create().await.unwrap()?;
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        Some(Self {
            _database: database,
            store,
            metrics: Metrics::new().unwrap(),
            server: MockServer::start().await,
        })
    }

    async fn answers(&self, status: u16) {
        self.server.reset().await;
        let answer = ResponseTemplate::new(status);
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    fn receiver(&self, format: NotificationFormat) -> Receiver {
        let settings = NotificationSettings {
            notifications_url: Some(format!("{}/hooks/T0", self.server.uri()).into()),
            notifications_signing_key: Some(KEY.to_owned().into()),
            notifications_format: format,
        };
        Receiver::new(&settings).unwrap().unwrap()
    }

    async fn round(&self, format: NotificationFormat) {
        let receiver = self.receiver(format);
        round(&self.store, Some(&receiver), &self.metrics.notifications)
            .await
            .unwrap();
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(self.store.pool())
            .await
            .unwrap();
    }

    fn told(&self, topic: &str, result: &str) -> u64 {
        let told = &self.metrics.notifications.told;
        told.with_label_values(&[topic, result]).get()
    }
}

fn note(number: u128, topic: Topic, namespace: &str) -> Notification {
    Notification {
        id: Uuid::from_u128(number),
        topic,
        kind: "ContentJob".into(),
        namespace: namespace.into(),
        name: format!("job-{number}"),
        reason: "NoneSucceeded".into(),
        message: "Not one was written.".into(),
    }
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn what_happened_together_is_one_signed_message() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.answers(200).await;
    let noted = [
        note(1, Topic::Failed, "team"),
        note(2, Topic::Failed, "team"),
        note(3, Topic::Stalled, "team"),
    ];
    scene.store.note_notifications(&noted).await.unwrap();
    // Noted again, as after a kill between the note and the status.
    scene.store.note_notifications(&noted).await.unwrap();
    scene.round(NotificationFormat::Slack).await;
    scene.round(NotificationFormat::Slack).await;
    let requests = scene.requests().await;
    assert_eq!(requests.len(), 2, "one a topic, and none twice");
    let first = &requests[0];
    let message = json_of(first);
    assert_eq!(
        message.as_object().unwrap().len(),
        1,
        "text alone: {message}"
    );
    let text = message["text"].as_str().unwrap();
    assert!(
        text.contains("team/job-1") && text.contains("team/job-2"),
        "{text}"
    );
    let header = |name: &str| first.headers[name].to_str().unwrap().to_owned();
    let timestamp: i64 = header("X-Threads-Timestamp").parse().unwrap();
    assert_eq!(
        header("X-Threads-Signature"),
        signature(KEY.as_bytes(), timestamp, &first.body)
    );
    assert_eq!(
        (scene.told("failed", "sent"), scene.told("stalled", "sent")),
        (2, 1)
    );
    assert_eq!(scene.metrics.notifications.waiting.get(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_away_is_told_later_and_given_up_after_a_day() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.answers(503).await;
    let noted = [note(1, Topic::Failed, "a"), note(2, Topic::Failed, "b")];
    scene.store.note_notifications(&noted).await.unwrap();
    scene.round(NotificationFormat::Json).await;
    assert_eq!(
        scene.requests().await.len(),
        1,
        "the others are not tried in vain"
    );
    assert_eq!(scene.metrics.notifications.waiting.get(), 2);
    assert_eq!(scene.told("failed", "put_off"), 1);

    scene.answers(200).await;
    scene
        .execute("UPDATE notifications SET not_before = now()")
        .await;
    scene.round(NotificationFormat::Json).await;
    let requests = scene.requests().await;
    assert_eq!(requests.len(), 2);
    let ids: Vec<Value> = requests
        .iter()
        .map(|request| json_of(request)["notifications"][0]["id"].clone())
        .collect();
    assert_eq!(
        ids,
        [
            Uuid::from_u128(1).to_string(),
            Uuid::from_u128(2).to_string()
        ]
    );

    scene.answers(404).await;
    let old = [note(3, Topic::BudgetSpent, "a")];
    scene.store.note_notifications(&old).await.unwrap();
    scene
        .execute("UPDATE notifications SET created_at = now() - interval '2 days'")
        .await;
    scene.round(NotificationFormat::Json).await;
    assert_eq!(scene.metrics.notifications.given_up.get(), 1);
    assert_eq!(scene.metrics.notifications.waiting.get(), 0);
    scene.round(NotificationFormat::Json).await;
    assert_eq!(scene.requests().await.len(), 1, "given up is over");
}

#[tokio::test]
async fn where_nobody_receives_nothing_piles_up() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let noted = [note(1, Topic::Decided, "a")];
    scene.store.note_notifications(&noted).await.unwrap();
    let metrics = &scene.metrics.notifications;
    round(&scene.store, None, metrics).await.unwrap();
    assert_eq!(
        metrics.waiting.get(),
        1,
        "one who comes within the day is told"
    );
    scene
        .execute("UPDATE notifications SET created_at = now() - interval '2 days'")
        .await;
    round(&scene.store, None, metrics).await.unwrap();
    assert_eq!(scene.store.notifications_waiting().await.unwrap(), 0);
    scene
        .execute("UPDATE notifications SET created_at = now() - interval '31 days'")
        .await;
    round(&scene.store, None, metrics).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM notifications")
        .fetch_one(scene.store.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_receiver_that_is_no_url_is_refused_without_showing_it() {
    let settings = |url: &str| NotificationSettings {
        notifications_url: Some(url.to_owned().into()),
        notifications_signing_key: None,
        notifications_format: NotificationFormat::Slack,
    };
    for wrong in ["hooks.example.com/T0/secret", "ftp://example.com/secret"] {
        let refused = Receiver::new(&settings(wrong)).err().unwrap().to_string();
        assert!(
            refused.contains("NOTIFICATIONS_URL") && !refused.contains("secret"),
            "{refused}"
        );
    }
}
