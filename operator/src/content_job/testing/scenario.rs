//! One namespace with a ready persona, its template and its Secret, over a real Postgres and an API server in memory.
#![allow(clippy::unwrap_used)]

use super::{api::FakeApi, job_with, tenant};
use crate::{
    content_job::{
        ContentJobWorld, job::WorkerSettings, jobs::WorkerJobs, pace::LastWrites,
        ports::CredentialsPort, reconcile_in, references::Waiting,
    },
    controller::{Outcome, ReconcileError},
    signals::{TriggeredAll, Triggers},
    tenancy::CredentialError,
};
use async_trait::async_trait;
use backends::postgres::{
    operator::{OperatorStore, personas::PersonaRecord},
    testing::TestDatabase,
    worker::{ClaimRequest, CompletedPost, PostRecord, WorkerStore},
};
use crds::{ContentJob, ContentJobStatus};
use domain::{
    names::{Slot, Tenant, post_id, worker_login},
    revision::PersonaRevision,
    tasks::{ClaimedTask, PROTOCOL, TokenUsage},
};
use k8s_openapi::api::batch::v1::Job;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

pub const PERSONA: Uuid = Uuid::from_u128(0x0e1a_0000_0000_4000_8000_0000_0000_0002);
pub const PERSONA_PATH: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/personas/maya";
pub const TEMPLATE_PATH: &str =
    "/apis/threads-agent.io/v1alpha1/namespaces/a/prompttemplates/launch";
pub const JOB_PATH: &str = "/apis/threads-agent.io/v1alpha1/namespaces/a/contentjobs/launch";
pub const JOBS: &str = "/apis/batch/v1/namespaces/a/jobs";
const PASSWORD: &str = "a-password-of-more-than-24-characters";

struct ReadyCredentials;

#[async_trait]
impl CredentialsPort for ReadyCredentials {
    async fn ensure(&self, _: &Tenant) -> Result<String, CredentialError> {
        Ok("threads-worker-a".into())
    }
}

/// Everything that a scenario needs.
pub struct Scenario {
    pub world: ContentJobWorld,
    pub api: FakeApi,
    pub database: TestDatabase,
    pub triggered: TriggeredAll,
    pub listening: watch::Sender<bool>,
}

impl Scenario {
    /// The job stands in the API server with what it refers to. None without a Postgres.
    pub async fn create(changes: Value) -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let api = FakeApi::default();
        let (triggers, triggered) = Triggers::channels();
        let listening = watch::Sender::new(true);
        let world = ContentJobWorld {
            client: api.client(),
            store,
            credentials: Arc::new(ReadyCredentials),
            workers: Arc::new(WorkerSettings {
                install: "threads".into(),
                image: "worker:dev".into(),
                image_pull_policy: "IfNotPresent".into(),
                pods_limit: None,
                traces_endpoint: None,
            }),
            jobs: WorkerJobs::default(),
            triggers: triggers.jobs,
            last_writes: LastWrites::default(),
            waiting: Waiting::default(),
            listening: listening.subscribe(),
        };
        for event in [Event::Init, Event::InitDone] {
            world.jobs.apply(event);
        }
        let scenario = Self {
            world,
            api,
            database,
            triggered,
            listening,
        };
        scenario.api.put("/api/v1/namespaces/a", json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a", "uid": tenant().namespace_uid },
        }));
        scenario
            .api
            .put("/api/v1/namespaces/a/secrets/keys", secret());
        scenario
            .api
            .put(JOB_PATH, serde_json::to_value(job_with(changes)).unwrap());
        scenario.add_persona().await;
        scenario.add_template().await;
        Some(scenario)
    }

    pub async fn add_persona(&self) {
        self.api.put(PERSONA_PATH, json!({
            "apiVersion": "threads-agent.io/v1alpha1",
            "kind": "Persona",
            "metadata": { "name": "maya", "namespace": "a", "uid": PERSONA, "generation": 1, "resourceVersion": "1" },
            "spec": {
                "voice": { "displayName": "Maya" },
                "model": { "endpoint": "http://llm:8000/v1", "name": "m", "apiKeySecretRef": { "name": "keys" }, "maxOutputTokens": 100 },
                "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secretRef": { "name": "keys" } },
                "promptRef": { "name": "launch" },
            },
            "status": {
                "observedGeneration": 1,
                "conditions": [{ "type": "Ready", "status": "True", "reason": "AllReady", "message": "",
                    "lastTransitionTime": "2026-11-23T00:00:00Z", "observedGeneration": 1 }],
            },
        }));
        let tenant = tenant();
        let revision = revision();
        let record = PersonaRecord {
            uid: PERSONA,
            namespace: &tenant.namespace,
            namespace_uid: tenant.namespace_uid,
            name: "maya",
            queue: "queue",
            collection: "c",
            suspended: false,
            tokens_per_day: None,
            revision: &revision,
        };
        self.world.store.sync_persona(&record).await.unwrap();
    }

    pub async fn add_template(&self) {
        self.api.put(TEMPLATE_PATH, json!({
            "apiVersion": "threads-agent.io/v1alpha1",
            "kind": "PromptTemplate",
            "metadata": { "name": "launch", "namespace": "a", "uid": Uuid::from_u128(5), "generation": 1 },
            "spec": { "versions": [{ "name": "v1", "hook": "On {{ input }}", "body": "{{ hook }}" }] },
        }));
        self.execute(
            "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
             VALUES ('a', 'digest', gen_random_uuid(), 'launch', 'v1', 1, '', 'On {{ input }}', '{{ hook }}') ON CONFLICT DO NOTHING",
        )
        .await;
        self.execute(
            "INSERT INTO prompt_tracks (template_uid, track, namespace, version, digest)
             SELECT template_uid, 'production', namespace, version, digest FROM prompt_versions ON CONFLICT DO NOTHING",
        )
        .await;
    }

    pub async fn execute(&self, statement: &'static str) {
        let mut transaction = self.world.store.begin().await.unwrap();
        sqlx::query(statement)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    pub fn object(&self) -> ContentJob {
        serde_json::from_value(self.api.get(JOB_PATH).unwrap()).unwrap()
    }

    pub fn status(&self) -> ContentJobStatus {
        self.object().status.unwrap_or_default()
    }

    /// One reconcile of the object as it is, which is how the driver hands it over.
    pub async fn reconcile(&self) -> Result<Outcome, ReconcileError> {
        reconcile_in(&self.world, self.object()).await
    }

    /// As after a restart: nothing is known but what the API server and the rows say.
    pub fn restart(&mut self) {
        self.world.last_writes = LastWrites::default();
        self.world.jobs = WorkerJobs::default();
        self.world.jobs.apply(Event::Init);
        for job in self.worker_jobs() {
            self.world.jobs.apply(Event::InitApply(job));
        }
        self.world.jobs.apply(Event::InitDone);
    }

    pub fn worker_jobs(&self) -> Vec<Job> {
        self.api
            .under(JOBS)
            .into_iter()
            .map(|job| serde_json::from_value(job).unwrap())
            .collect()
    }

    /// The cluster's word about a worker Job reaches the operator.
    pub fn tell(&self, job: Job) {
        self.world.jobs.apply(Event::Apply(job));
    }

    pub async fn worker(&self) -> WorkerStore {
        let tenant = Tenant {
            install: self.database.install.clone(),
            ..tenant()
        };
        self.world
            .store
            .ensure_worker_login(&tenant, Slot::A, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        WorkerStore::connect_lazy(
            &self
                .database
                .url_of(&worker_login(&tenant, Slot::A), PASSWORD),
        )
        .unwrap()
    }

    pub async fn claim(&self, worker: &WorkerStore) -> ClaimedTask {
        let request = ClaimRequest {
            persona_uid: PERSONA,
            protocol: PROTOCOL,
            credentials_digest: revision().credentials_digest(),
            worker: "pod".into(),
            lease: Duration::from_secs(60),
        };
        worker.claim(&request).await.unwrap().unwrap()
    }

    /// A worker writes that many posts.
    pub async fn work(&self, posts: usize) {
        let worker = self.worker().await;
        for _ in 0..posts {
            let task = self.claim(&worker).await;
            worker.complete(&task, &post(&task), true).await.unwrap();
        }
    }
}

fn post(task: &ClaimedTask) -> CompletedPost {
    CompletedPost {
        post: PostRecord {
            id: post_id(task.id),
            persona: "maya".into(),
            hook: format!("Hook {}", task.index),
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
        // Each post has a direction of its own, so that none is a duplicate.
        embedding: (0..8)
            .map(|axis| if axis == task.index { 1.0 } else { 0.0 })
            .collect(),
        trajectory: None,
        usage: TokenUsage {
            prompt_tokens: 10,
            completion_tokens: 5,
            embedding_tokens: 2,
        },
        queried_at: task.claimed_at.clone(),
    }
}

#[must_use]
pub fn revision() -> PersonaRevision {
    let secret = json!({ "name": "keys", "key": "api-key" });
    serde_json::from_value(json!({
        "name": "maya",
        "voice": { "displayName": "Maya", "language": "en", "tone": "", "styleGuide": "", "bannedPhrases": [] },
        "model": { "endpoint": "http://llm:8000/v1", "model": "m", "secret": secret, "temperatureBp": 7000, "maxOutputTokens": 100 },
        "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secret": secret },
        "moderation": null,
        "vectors": { "collection": "c", "dimensions": 8, "distance": "Cosine" },
        "gates": { "dedup": { "action": "Reject", "thresholdBp": 9000 }, "emotion": null, "minScoreBp": null },
    }))
    .unwrap()
}

#[must_use]
pub fn secret() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "keys",
            "namespace": "a",
            "labels": { "threads-agent.io/use": "model.embedding" },
            "annotations": { "threads-agent.io/hosts": "llm" },
        },
        "data": { "api-key": "c2stY2FuYXJ5LTQ3MTE=" },
    })
}
