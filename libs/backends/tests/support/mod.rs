//! A persona with one run of queued tasks, written as the operator writes them, and a worker's login to its namespace.
#![allow(clippy::unwrap_used, dead_code)]

use backends::postgres::{
    operator::OperatorStore,
    testing::TestDatabase,
    worker::{ClaimRequest, CompletedPost, PostRecord, WorkerStore},
};
use domain::{
    names::{Slot, Tenant, post_id, task_id, worker_login},
    tasks::{ClaimedTask, PROTOCOL, TokenUsage},
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub const PASSWORD: &str = "a-password-of-more-than-24-characters";
pub const CREDENTIALS: &str = "credentials-digest";

pub struct World {
    pub database: TestDatabase,
    pub store: OperatorStore,
}

pub struct Run {
    pub tenant: Tenant,
    pub persona: Uuid,
    pub run: Uuid,
}

impl World {
    pub async fn create() -> Option<Self> {
        Some(Self::over(TestDatabase::create().await.unwrap()?).await)
    }

    pub async fn over(database: TestDatabase) -> Self {
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        Self { database, store }
    }

    pub fn tenant(&self, namespace: &str) -> Tenant {
        Tenant {
            install: self.database.install.clone(),
            namespace: namespace.into(),
            namespace_uid: Uuid::new_v4(),
        }
    }

    pub async fn worker(&self, tenant: &Tenant) -> WorkerStore {
        self.store
            .ensure_worker_login(tenant, Slot::A, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        WorkerStore::connect_lazy(
            &self
                .database
                .url_of(&worker_login(tenant, Slot::A), PASSWORD),
        )
        .unwrap()
    }

    /// A run of `count` queued tasks, each with 1,000 reserved tokens.
    pub async fn run(&self, tenant: &Tenant, name: &str, count: i32, priority: i32) -> Run {
        let persona = Uuid::new_v5(&tenant.namespace_uid, b"persona");
        let revision = Uuid::new_v5(&persona, b"revision");
        let run = Uuid::new_v5(&persona, name.as_bytes());
        let mut tx = self.store.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection) VALUES ($1, $2, $3, 'maya', 'q', 'c')
             ON CONFLICT DO NOTHING",
        )
        .bind(persona)
        .bind(&tenant.namespace)
        .bind(tenant.namespace_uid)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec) VALUES ($1, $2, $3, 1, 'd', $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(revision)
        .bind(persona)
        .bind(&tenant.namespace)
        .bind(revision_spec())
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
             VALUES ($1, 'prompt', $2, 'launch', 'v1', 1, '', 'hook', 'body') ON CONFLICT DO NOTHING",
        )
        .bind(&tenant.namespace)
        .bind(Uuid::new_v4())
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
                 credentials_digest, deadline_at, tokens_reserved)
             VALUES ($1, $1, $2, $3, $4, $5, 'maya', 'digest', 'generate', $6, now() + interval '1 hour', $7)",
        )
        .bind(run)
        .bind(&tenant.namespace)
        .bind(tenant.namespace_uid)
        .bind(name)
        .bind(persona)
        .bind(CREDENTIALS)
        .bind(i64::from(count) * 1000)
        .execute(&mut *tx)
        .await
        .unwrap();
        for index in 0..count {
            sqlx::query(
                "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol,
                     credentials_digest, kind, index, payload, priority, reserved_tokens, reserved_day)
                 VALUES ($1, $2, $3, $4, $5, 'prompt', 1, $6, 'generate', $7, $8, $9, 1000, current_date)",
            )
            .bind(task_id(run, index))
            .bind(&tenant.namespace)
            .bind(run)
            .bind(persona)
            .bind(revision)
            .bind(CREDENTIALS)
            .bind(index)
            .bind(json!({"input": "text", "contentType": "post", "count": count, "attemptSeconds": 60}))
            .bind(priority)
            .execute(&mut *tx)
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        Run {
            tenant: tenant.clone(),
            persona,
            run,
        }
    }
}

pub fn revision_spec() -> Value {
    json!({
        "name": "maya",
        "voice": {"displayName": "Maya", "language": "en", "tone": "", "styleGuide": "", "bannedPhrases": []},
        "model": {"endpoint": "http://llm/v1", "model": "m", "secret": {"name": "s", "key": "k"}, "temperatureBp": 7000, "maxOutputTokens": 400},
        "embedding": {"endpoint": "http://llm/v1", "model": "e", "secret": {"name": "s", "key": "k"}},
        "moderation": null,
        "vectors": {"collection": "c", "dimensions": 3, "distance": "Cosine"},
        "gates": {"dedup": {"action": "Reject", "thresholdBp": 9000}, "emotion": null, "minScoreBp": null}
    })
}

pub fn request(persona: Uuid) -> ClaimRequest {
    ClaimRequest {
        persona_uid: persona,
        protocol: PROTOCOL,
        credentials_digest: CREDENTIALS.into(),
        worker: "pod".into(),
        lease: Duration::from_secs(60),
    }
}

pub fn post_for(task: &ClaimedTask, embedding: Vec<f32>, queried_at: String) -> CompletedPost {
    CompletedPost {
        post: PostRecord {
            id: post_id(task.id),
            persona: "maya".into(),
            hook: "Hook".into(),
            body: "Body".into(),
            content_hash: "hash".into(),
            model: "m".into(),
            stand_in: true,
            score_bp: Some(5000),
            score: json!({}),
            emotion: Some("joy".into()),
            guardrails: json!([]),
            nearest_id: None,
            nearest_bp: None,
            duplicate_of: None,
            cost_micros: None,
            collection: "c".into(),
            embedding_model: "e".into(),
            metadata: json!({}),
        },
        embedding,
        trajectory: None,
        usage: TokenUsage {
            prompt_tokens: 10,
            completion_tokens: 5,
            embedding_tokens: 2,
        },
        queried_at,
    }
}
