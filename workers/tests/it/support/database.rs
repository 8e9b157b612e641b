//! A namespace with one persona and runs of queued tasks in a throw-away Postgres, written as the operator writes them.
#![allow(clippy::unwrap_used)]

use super::{Bench, task};
use backends::postgres::{operator::OperatorStore, testing::TestDatabase, worker::WorkerStore};
use domain::{
    names::{self, Slot, Tenant},
    revision::PersonaRevision,
    tasks::PROTOCOL,
};
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;
use worker::{adapters::tasks::StoredTasks, attempt::Workshop, cli::Settings};

const PASSWORD: &str = "a-password-of-more-than-24-characters";

/// One namespace of one install.
pub struct World {
    pub database: TestDatabase,
    pub operator: OperatorStore,
    pub persona: PersonaRevision,
    pub persona_uid: Uuid,
    tenant: Tenant,
}

impl World {
    /// A migrated database with the persona in it, or none where no Postgres was offered.
    pub async fn create(persona: PersonaRevision) -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let operator = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let tenant = Tenant {
            install: database.install.clone(),
            namespace: "team".into(),
            namespace_uid: Uuid::new_v4(),
        };
        operator
            .ensure_worker_login(&tenant, Slot::A, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        let world = Self {
            database,
            operator,
            persona,
            persona_uid: Uuid::new_v4(),
            tenant,
        };
        world.write_persona().await;
        Some(world)
    }

    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub fn pool(&self) -> &PgPool {
        self.operator.pool()
    }

    async fn write_persona(&self) {
        let mut tx = self.operator.begin().await.unwrap();
        sqlx::query(
            "WITH persona AS (INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection)
                 VALUES ($1, 'team', $2, $3, 'queue', $4)),
             revision AS (INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec)
                 VALUES ($1, $1, 'team', 1, 'revision', $5))
             INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
                 VALUES ('team', 'd1', $1, 'launch', 'v1', 1, $6, $7, $8)",
        )
        .bind(self.persona_uid)
        .bind(self.tenant.namespace_uid)
        .bind(&self.persona.name)
        .bind(&self.persona.vectors.collection)
        .bind(serde_json::to_value(&self.persona).unwrap())
        .bind(task(0).prompt.system)
        .bind(task(0).prompt.hook)
        .bind(task(0).prompt.body)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// A run of `count` queued tasks of the given kind (`generate` or `plan`).
    pub async fn run(&self, kind: &str, count: i32) -> Uuid {
        let run = Uuid::new_v4();
        let mut payload = task(0).payload;
        payload.count = count;
        let mut tx = self.operator.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
                 credentials_digest, deadline_at, tokens_reserved)
             VALUES ($1, $1, 'team', $2, $3, $4, $5, 'spec', $6, 'credentials', now() + interval '1 hour', $7)",
        )
        .bind(run)
        .bind(self.tenant.namespace_uid)
        .bind(run.to_string())
        .bind(self.persona_uid)
        .bind(&self.persona.name)
        .bind(kind)
        .bind(i64::from(count) * 1000)
        .execute(&mut *tx)
        .await
        .unwrap();
        let ids: Vec<Uuid> = (0..count).map(|index| names::task_id(run, index)).collect();
        sqlx::query(
            "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol, credentials_digest,
                 kind, index, payload, reserved_tokens, reserved_day)
             SELECT id, 'team', $2, $3, $3, 'd1', $4, 'credentials', $5, place - 1, $6, 1000, current_date
             FROM unnest($1::uuid[]) WITH ORDINALITY AS listed (id, place)",
        )
        .bind(ids)
        .bind(run)
        .bind(self.persona_uid)
        .bind(PROTOCOL)
        .bind(kind)
        .bind(serde_json::to_value(payload).unwrap())
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        run
    }

    /// The URL of this namespace's worker login.
    pub fn worker_url(&self) -> String {
        self.database
            .url_of(&names::worker_login(&self.tenant, Slot::A), PASSWORD)
    }

    /// A worker of the given run: its rows are real, all else is the bench's.
    pub fn worker(&self, bench: &Bench, run: Uuid) -> Workshop {
        let store = WorkerStore::connect_lazy(&self.worker_url()).unwrap();
        Workshop {
            ports: bench.ports(),
            tasks: Arc::new(StoredTasks::new(store, &self.settings(run))),
            lease: Duration::from_secs(60),
            stop: bench.stop.clone(),
        }
    }

    pub fn settings(&self, run: Uuid) -> Settings {
        Settings {
            namespace: "team".into(),
            persona_uid: self.persona_uid,
            queue: "queue".into(),
            run_id: run,
            credentials_digest: "credentials".into(),
            pod_name: "pod".into(),
            credentials_dir: "/nonexistent".into(),
            keys_dir: "/nonexistent".into(),
            lease_seconds: 60,
            grace_seconds: 20,
            https_proxy: None,
            ca_bundle: None,
        }
    }
}
