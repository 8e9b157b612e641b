//! In-memory ports for tests and the benchmark: the same traits as the real systems, with faults on demand.
#![allow(
    dead_code,
    unused_imports,
    reason = "the tests and the benchmark each use a part"
)]

pub mod analysis;
pub mod backfill;
pub mod broker;
mod crash;
pub mod database;
mod endpoints;
mod index;
mod tasks;
mod wakeups;

pub use crash::CrashPoint;
pub use endpoints::{HashEmbedder, OpenModerator, ScriptedModel, completion};
pub use index::MemoryIndex;
pub use tasks::{MemoryTasks, Row, RowState};
pub use wakeups::Silence;

use domain::{
    names,
    revision::{
        DedupAction, DedupGate, EndpointSettings, Gates, ModelSettings, PersonaRevision, SecretKey,
        VectorSettings, Voice,
    },
    tasks::{ClaimedTask, ContentType, Prompt, TaskKind, TaskPayload},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;
use worker::{attempt::Workshop, ports::Ports, stop::Stop};

/// Everything that one worker needs, in memory and open to inspection.
pub struct Bench {
    pub model: Arc<ScriptedModel>,
    pub moderator: Arc<OpenModerator>,
    pub embedder: Arc<HashEmbedder>,
    pub index: Arc<MemoryIndex>,
    pub tasks: Arc<MemoryTasks>,
    pub stop: Stop,
}

impl Bench {
    /// A bench with the given tasks waiting.
    #[must_use]
    pub fn new(tasks: impl IntoIterator<Item = ClaimedTask>) -> Self {
        let crash = CrashPoint::default();
        Self {
            model: Arc::new(ScriptedModel::new(crash.clone())),
            moderator: Arc::new(OpenModerator::new(crash.clone())),
            embedder: Arc::new(HashEmbedder::new(crash.clone())),
            index: Arc::new(MemoryIndex::new(crash.clone())),
            tasks: Arc::new(MemoryTasks::new(crash, tasks)),
            stop: Stop::new(Duration::from_secs(20)),
        }
    }

    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            model: self.model.clone(),
            moderator: self.moderator.clone(),
            embedder: self.embedder.clone(),
            index: self.index.clone(),
        }
    }

    /// A worker over this bench; making another one is what a restarted Pod does.
    #[must_use]
    pub fn worker(&self) -> Workshop {
        Workshop {
            ports: self.ports(),
            tasks: self.tasks.clone(),
            lease: Duration::from_secs(60),
            stop: self.stop.clone(),
        }
    }
}

/// A persona without optional gates, whose embedding has 64 dimensions.
#[must_use]
pub fn persona() -> PersonaRevision {
    let endpoint = |model: &str| EndpointSettings {
        endpoint: "http://llm.test/v1".to_owned(),
        model: model.to_owned(),
        secret: SecretKey {
            name: "llm".to_owned(),
            key: "api-key".to_owned(),
        },
    };
    PersonaRevision {
        name: "maya".to_owned(),
        voice: Voice {
            display_name: "Maya".to_owned(),
            language: "en".to_owned(),
            tone: "warm".to_owned(),
            style_guide: "short sentences".to_owned(),
            banned_phrases: vec![],
        },
        model: ModelSettings {
            endpoint: endpoint("writer"),
            temperature_bp: 7000,
            max_output_tokens: 400,
        },
        embedding: endpoint("embedder"),
        moderation: None,
        vectors: VectorSettings {
            collection: "posts_test_maya_00000000".to_owned(),
            dimensions: 64,
            distance: "Cosine".to_owned(),
        },
        gates: Gates {
            dedup: DedupGate {
                action: DedupAction::Regenerate,
                threshold_bp: 9_500,
            },
            emotion: None,
            min_score_bp: None,
        },
    }
}

/// Task `index` of a run of 3, as a claim would answer it.
#[must_use]
pub fn task(index: i32) -> ClaimedTask {
    let run_id = Uuid::from_u128(7);
    ClaimedTask {
        id: names::task_id(run_id, index),
        lease_token: Uuid::nil(),
        kind: TaskKind::Generate,
        namespace: "team".to_owned(),
        run_id,
        persona_uid: Uuid::from_u128(11),
        index,
        retry_count: 0,
        max_attempts: 3,
        payload: TaskPayload {
            input: "We ship the new release on Friday.".to_owned(),
            content_type: ContentType::Post,
            count: 3,
            attempt_seconds: 60,
            post: None,
            traceparent: None,
        },
        persona: persona(),
        prompt: Prompt {
            digest: "d1".to_owned(),
            system: "You are {{ persona.displayName }}.".to_owned(),
            hook: "Write a hook about {{ input }}".to_owned(),
            body: "Continue after: {{ hook }}".to_owned(),
            variables: serde_json::Map::new(),
        },
        claimed_at: "2026-11-23T00:00:00Z".to_owned(),
        dedup_before: None,
    }
}
