//! An API over a database of its own, with posts as workers write them and experiments as the operator does.
#![allow(clippy::unwrap_used, dead_code)]

use api::{
    App, Limits,
    exports::{Exports, ObjectStoreSettings},
    key::{ApiKey, Pepper},
};
use backends::postgres::{
    api::keys::{KeyStore, NewKey},
    testing::TestDatabase,
};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const ALL: [&str; 7] = [
    "posts:read",
    "posts:write",
    "outcomes:write",
    "experiments:read",
    "experiments:write",
    "achievements:read",
    "achievements:write",
];
pub const PEPPER: &str = "a pepper for the tests";
const PASSWORD: &str = "test-password";

pub struct World {
    pub database: TestDatabase,
    pub address: SocketAddr,
    /// Of achievements and webhooks.
    pub achievements: SocketAddr,
    pub app: App,
    client: Client,
}

/// An answer that was read whole.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl World {
    pub async fn create() -> Option<Self> {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let role = format!("{}_api", database.install);
        let mut connection = PgConnection::connect(&database.superuser_url)
            .await
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "ALTER ROLE {role} PASSWORD '{PASSWORD}'"
        )))
        .execute(&mut connection)
        .await
        .unwrap();
        let app = App::new(
            &database.url_of(&role, PASSWORD),
            Pepper::new(PEPPER.to_owned().into()).unwrap(),
            None,
            limits,
        )
        .unwrap();
        let address = serve(api::router(app.clone())).await;
        let achievements = serve(api::achievements_router(app.clone())).await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self {
            database,
            address,
            achievements,
            app,
            client: Client::new(),
        })
    }

    /// The same database, served by a process that knows nothing of what the other did.
    pub async fn restarted(&self) -> SocketAddr {
        let role = format!("{}_api", self.database.install);
        let app = App::new(
            &self.database.url_of(&role, PASSWORD),
            Pepper::new(PEPPER.to_owned().into()).unwrap(),
            None,
            Limits::default(),
        )
        .unwrap();
        serve(api::achievements_router(app)).await
    }

    /// Another replica of the API, with connections of its own.
    pub async fn replica(&self) -> SocketAddr {
        let role = format!("{}_api", self.database.install);
        let app = App::new(
            &self.database.url_of(&role, PASSWORD),
            Pepper::new(PEPPER.to_owned().into()).unwrap(),
            None,
            Limits::default(),
        )
        .unwrap();
        serve(api::router(app)).await
    }

    /// The same, with an object store; nothing writes exports unless the test does.
    pub async fn with_exports(self, settings: &ObjectStoreSettings) -> Self {
        let app = self
            .app
            .clone()
            .with_exports(Exports::new(settings).unwrap());
        let achievements = serve(api::achievements_router(app.clone())).await;
        Self {
            achievements,
            app,
            ..self
        }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.database.superuser_url)
            .await
            .unwrap()
    }

    /// A key of `namespace`, as its holder has it.
    pub async fn key(&self, namespace: &str, verbs: &[&str]) -> String {
        self.key_until(namespace, verbs, None).await.1
    }

    pub async fn key_until(
        &self,
        namespace: &str,
        verbs: &[&str],
        expires_at: Option<DateTime<Utc>>,
    ) -> (String, String) {
        let key = ApiKey::generate();
        let verbs: Vec<String> = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        let mut store = KeyStore::connect(&self.database.operator_url)
            .await
            .unwrap();
        store
            .create(&NewKey {
                id: &key.id,
                namespace,
                name: "test",
                verbs: &verbs,
                hash: &Pepper::new(PEPPER.to_owned().into()).unwrap().hash(&key),
                expires_at,
            })
            .await
            .unwrap();
        (key.id.clone(), key.expose().expose_secret().to_owned())
    }

    pub fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        let of_achievements = ["/achievements", "/portfolio", "/analytics"];
        let address = match of_achievements.iter().any(|it| path.starts_with(it)) {
            true => self.achievements,
            false => self.address,
        };
        self.client
            .request(method, format!("http://{address}{path}"))
            .bearer_auth(key)
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        read(self.request(Method::GET, path, key)).await
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        read(self.request(Method::POST, path, key).json(&body)).await
    }

    pub async fn put(&self, path: &str, key: &str, body: Value) -> Answer {
        read(self.request(Method::PUT, path, key).json(&body)).await
    }

    pub async fn outcomes(&self, key: &str, body: impl Into<reqwest::Body>) -> Answer {
        read(
            self.request(Method::POST, "/outcomes", key)
                .header("content-type", "application/x-ndjson")
                .body(body),
        )
        .await
    }
}

async fn serve(router: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(api::serve_connections(
        listener,
        router,
        CancellationToken::new(),
    ));
    address
}

/// Sends and reads; a refusal must be a problem with a sentence.
pub async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| panic!("{status}: {}", String::from_utf8_lossy(&bytes)));
    assert!(headers.contains_key("x-request-id"));
    if status >= 400 {
        assert_eq!(
            headers["content-type"], "application/problem+json",
            "{body}"
        );
        assert_eq!(body["status"], status, "{body}");
        assert!(body["type"].as_str().unwrap().starts_with("urn:"), "{body}");
        assert!(body["detail"].as_str().unwrap().len() > 15, "{body}");
    }
    Answer {
        status,
        headers,
        body,
    }
}

/// A persona with written posts; returns the posts' ids.
pub async fn posts(world: &World, namespace: &str, job: &str, count: i32) -> Vec<Uuid> {
    let mut sql = world.sql().await;
    let namespace_uid = Uuid::new_v5(&Uuid::NAMESPACE_DNS, namespace.as_bytes());
    let persona = Uuid::new_v5(&namespace_uid, b"maya");
    let revision = Uuid::new_v5(&persona, b"revision");
    let run = Uuid::new_v5(&persona, job.as_bytes());
    for statement in [
        "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection) VALUES ($1, $4, $5, 'maya', 'q', 'c') ON CONFLICT DO NOTHING",
        "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec) VALUES ($2, $1, $4, 1, 'd', '{}') ON CONFLICT DO NOTHING",
        "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
         VALUES ($4, 'prompt', $5, 'launch', 'v1', 1, '', 'hook', 'body') ON CONFLICT DO NOTHING",
        "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
             credentials_digest, deadline_at) VALUES ($3, $3, $4, $5, $6, $1, 'maya', 'd', 'generate', 'c', now())",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "WITH given AS (SELECT $1::uuid, $2::uuid, $3::uuid, $4::text, $5::uuid, $6::text) {statement}"
        )))
        .bind(persona)
        .bind(revision)
        .bind(run)
        .bind(namespace)
        .bind(namespace_uid)
        .bind(job)
        .execute(&mut sql)
        .await
        .unwrap();
    }
    let mut ids = Vec::new();
    for index in 0..count {
        let task = Uuid::new_v5(&run, &index.to_be_bytes());
        let post = Uuid::new_v5(&task, b"post");
        sqlx::query(
            "WITH task AS (
                 INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol, credentials_digest,
                     kind, index, payload, status, started_at, completed_at)
                 VALUES ($1, $2, $3, $4, $5, 'prompt', 1, 'c', 'generate', $6, '{}', 'completed', now(), now()))
             INSERT INTO posts (id, namespace, persona_uid, persona_id, task_id, run_id, index, hook, body, content_hash, model,
                 stand_in, collection, embedding_model, embedding)
             VALUES ($7, $2, $4, 'maya', $1, $3, $6, 'Hook', 'Body', 'hash', 'm', true, 'c', 'e', '{1,0,0}')",
        )
        .bind(task)
        .bind(namespace)
        .bind(run)
        .bind(persona)
        .bind(revision)
        .bind(index)
        .bind(post)
        .execute(&mut sql)
        .await
        .unwrap();
        ids.push(post);
    }
    ids
}

/// A running experiment; returns its uid.
pub async fn experiment(world: &World, namespace: &str, name: &str, unit: &str) -> Uuid {
    let uid = Uuid::new_v4();
    let namespace_uid = Uuid::new_v5(&Uuid::NAMESPACE_DNS, namespace.as_bytes());
    let mut sql = world.sql().await;
    sqlx::query(
        "INSERT INTO experiments (uid, namespace, namespace_uid, name, persona_uid, design, design_digest, arms, assignment_key, started_at)
         VALUES ($1, $2, $3, $4, $3, $5, 'd', $6, decode(repeat('07', 32), 'hex'), now())",
    )
    .bind(uid)
    .bind(namespace)
    .bind(namespace_uid)
    .bind(name)
    .bind(design(unit))
    .bind(json!([
        {"name": "plain", "promptDigest": "prompt", "version": "v1", "variables": {}},
        {"name": "bold", "promptDigest": "bold-prompt", "version": "v2", "variables": {"tone": "bold"}}
    ]))
    .execute(&mut sql)
    .await
    .unwrap();
    sqlx::query("INSERT INTO experiment_weights (experiment_uid, epoch, namespace, weights_bp) VALUES ($1, 0, $2, '{3000,7000}')")
        .bind(uid)
        .bind(namespace)
        .execute(&mut sql)
        .await
        .unwrap();
    uid
}

/// One hour of attribution, one minute of grace.
fn design(unit: &str) -> Value {
    json!({
        "arms": [{"name": "plain", "control": true, "weightBp": 3000}, {"name": "bold", "control": false, "weightBp": 7000}],
        "unit": unit, "allocation": "Fixed", "metric": {"kind": "Mean", "numerator": "likes", "denominator": "views"},
        "direction": "Increase", "estimand": "PerTask", "attributionSeconds": 3600, "ingestGraceSeconds": 60,
        "publishDeadlineSeconds": 86400, "feed": "default", "guardrails": [], "secondary": [], "engine": "Sequential",
        "alphaBp": 500, "powerBp": 8000, "mdeBp": 1000, "plannedUnits": 100, "probabilityBestBp": 9500, "lossThresholdBp": 100,
        "covariates": [], "stopping": {"minSeconds": 0, "maxSeconds": 86400, "minUnitsPerArm": 0, "maxUnits": null, "maxTokens": null},
        "decision": "Manual"
    })
}

/// The post's task takes part in an experiment.
pub async fn join(world: &World, experiment: Uuid, namespace: &str, post: Uuid, arm: i32) {
    let mut sql = world.sql().await;
    sqlx::query(
        "INSERT INTO experiment_units (id, experiment_uid, namespace, task_id, arm, probability, weight_epoch)
         SELECT $1, $2, $3, task_id, $5, 0.5, 0 FROM posts WHERE id = $4",
    )
    .bind(Uuid::new_v4())
    .bind(experiment)
    .bind(namespace)
    .bind(post)
    .bind(arm)
    .execute(&mut sql)
    .await
    .unwrap();
    sqlx::query("UPDATE tasks SET arm = $2 WHERE id = (SELECT task_id FROM posts WHERE id = $1)")
        .bind(post)
        .bind(["plain", "bold"][usize::try_from(arm).unwrap()])
        .execute(&mut sql)
        .await
        .unwrap();
}

pub fn ago(seconds: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::seconds(seconds)
}

/// Lines of one event each.
pub fn ndjson(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub fn event(id: &str, post: Uuid, at: DateTime<Utc>) -> Value {
    json!({"eventId": id, "postId": post, "metric": "likes", "at": at})
}
