//! A persona as tests use it, and a world for it: a real Postgres, an API server, a broker and a vector index in memory.
#![allow(clippy::unwrap_used)]

pub mod api;
pub mod services;

use super::{
    Outcome, PersonaWorld, ReconcileError, Services, reconcile, references::PromptReferences,
    validate::validate, workers::WorkerPods,
};
use api::FakeApi;
use backends::postgres::{operator::OperatorStore, testing::TestDatabase};
use crds::{ConditionType, Persona, find_condition};
use domain::names::Tenant;
use serde_json::{Value, json};
use services::{FakeQueues, FakeVectors};
use std::sync::Arc;
use uuid::Uuid;

pub const UID: Uuid = Uuid::from_u128(0x0e1a_0000_0000_4000_8000_0000_0000_0001);

/// A tenant whose namespace is named `a`.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant {
        install: "threads".into(),
        namespace: "a".into(),
        namespace_uid: Uuid::from_u128(7),
    }
}

/// A persona of the namespace `a` that needs one Secret, `keys`, and the track `production` of the template `launch`.
#[must_use]
pub fn persona() -> Persona {
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "Persona",
        "metadata": { "name": "maya", "namespace": "a", "uid": UID, "generation": 3, "resourceVersion": "10" },
        "spec": {
            "voice": { "displayName": "Maya" },
            "model": { "endpoint": "http://llm:8000/v1", "name": "m", "apiKeySecretRef": { "name": "keys" } },
            "embedding": { "endpoint": "http://llm:8000/v1", "model": "e", "secretRef": { "name": "keys" } },
            "promptRef": { "name": "launch" },
            "vectors": { "dimensions": 8 },
        },
    }))
    .unwrap()
}

/// A value that must show nowhere: the key in the Secret.
pub const CANARY: &str = "sk-canary-4711";

/// Everything that a scenario needs.
pub struct Scenario {
    pub world: PersonaWorld,
    pub api: FakeApi,
    pub queues: Arc<FakeQueues>,
    pub vectors: Arc<FakeVectors>,
    pub database: TestDatabase,
}

impl Scenario {
    /// The persona stands in the API server with its Secret, and its prompt in the database. None without a Postgres.
    pub async fn create() -> Option<Self> {
        let database = TestDatabase::create().await.unwrap()?;
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let api = FakeApi::new(
            serde_json::to_value(persona()).unwrap(),
            tenant().namespace_uid,
        );
        let (queues, vectors) = (
            Arc::new(FakeQueues::default()),
            Arc::new(FakeVectors::default()),
        );
        let world = PersonaWorld {
            client: api.client(),
            install: "threads".into(),
            store,
            services: Services {
                queues: queues.clone(),
                vectors: vectors.clone(),
            },
            pods: WorkerPods::default(),
            references: PromptReferences::default(),
        };
        let scenario = Self {
            world,
            api,
            queues,
            vectors,
            database,
        };
        scenario.add_prompt().await;
        Some(scenario)
    }

    async fn add_prompt(&self) {
        self.run(
            "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
             VALUES ('a', 'digest', gen_random_uuid(), 'launch', 'v1', 1, '', 'hook', 'body')",
        )
        .await;
        self.run(
            "INSERT INTO prompt_tracks (template_uid, track, namespace, version, digest)
             SELECT template_uid, 'production', namespace, version, digest FROM prompt_versions",
        )
        .await;
    }

    /// Runs SQL as the operator.
    pub async fn run(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    /// One reconcile of the object as it is, which is how the driver hands it over.
    pub async fn reconcile(&self) -> Result<Outcome, ReconcileError> {
        let persona = self.api.persona();
        reconcile(&self.world, &persona).await
    }

    /// Lets the time pass in which a listing may lag behind what was just made.
    pub async fn settle(&self) {
        self.run("UPDATE ownership_ledger SET made_at = made_at - interval '1 minute'")
            .await;
    }

    /// Reconciles until nothing is written any more, and lets that settle; answers how many passes it took.
    pub async fn converge(&self) -> usize {
        for pass in 1..=10 {
            let before = self.api.writes();
            let _ = self.reconcile().await;
            if self.api.writes() == before {
                self.settle().await;
                return pass;
            }
        }
        panic!("no convergence in ten passes");
    }

    /// The names that the persona's things have.
    pub fn names(&self) -> (String, String, String) {
        let valid = validate(&self.api.persona(), &tenant()).unwrap();
        (
            valid.queue,
            valid.dead_letter_queue,
            valid.revision.vectors.collection,
        )
    }

    /// Status and reason of a condition, which must be of the current generation.
    pub fn condition(&self, type_: ConditionType) -> (String, String) {
        let persona = self.api.persona();
        let conditions = persona.status.unwrap_or_default().conditions;
        let condition =
            find_condition(&conditions, type_).unwrap_or_else(|| panic!("no condition {type_}"));
        assert_eq!(condition.observed_generation, persona.metadata.generation);
        (condition.status.clone(), condition.reason.clone())
    }

    pub fn is_ready(&self) -> bool {
        self.condition(ConditionType::Ready).0 == "True"
    }
}

/// The Secret that the persona names, as its owner should write it.
#[must_use]
pub fn good_secret() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "keys",
            "namespace": "a",
            "labels": { "threads-agent.io/use": "model.embedding" },
            "annotations": { "threads-agent.io/hosts": "llm" },
        },
        // The canary in base64.
        "data": { "api-key": "c2stY2FuYXJ5LTQ3MTE=" },
    })
}
