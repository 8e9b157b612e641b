//! Persona: who writes, with which model, and what a text must keep.

pub mod gates;
pub mod model;
pub mod status;
pub mod voice;

pub use crate::common::worker::{ProxySpec, WorkerSpec};
pub use gates::{DedupAction, DedupGate, EmotionContract, Gates};
pub use model::{EmbeddingSpec, ModelSpec, ModerationSpec};
pub use status::{
    CONDITIONS, CollectionStatus, PersonaPhase, PersonaStatus, PersonaUsage, PromptStatus,
    QueueStatus, RevisionStatus,
};
pub use voice::Voice;

use crate::common::policy::{DeletionPolicy, DriftPolicy};
use crate::common::reference::{LocalRef, PromptRef};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A voice that writes posts: who it is, which model writes for it, which prompts it follows, and what a text must keep.
///
/// A Persona owns a queue in RabbitMQ, a collection in Qdrant and a row in Postgres; the operator makes them match. A
/// change of the spec applies to tasks made after it: tasks that wait or run keep the revision they were made with.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "Persona",
    plural = "personas",
    shortname = "per",
    category = "threads",
    namespaced,
    status = "PersonaStatus",
    derive = "PartialEq",
    cel,
    doc = "A Persona is a voice that writes posts: who it is, which model writes for it, which prompts it follows, and what a text must keep.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    scale(
        spec_replicas_path = ".spec.limits.concurrency",
        status_replicas_path = ".status.activeWorkers",
        label_selector_path = ".status.selector"
    ),
    selectable = ".spec.promptRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Whether queue, collection, row and prompt are there."),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it is ready or not."),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model.name", description = "Model that writes."),
    printcolumn(name = "Prompt", type_ = "string", json_path = ".status.prompt.version", description = "Version of the prompt in use."),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.activeWorkers", description = "Worker Pods that are not finished."),
    printcolumn(name = "Queue", type_ = "integer", json_path = ".status.queue.ready", description = "Messages that wait, about a minute old."),
    printcolumn(name = "Points", type_ = "integer", json_path = ".status.collection.points", description = "Posts in the vector collection."),
    printcolumn(name = "Budget", type_ = "string", json_path = r#".status.conditions[?(@.type=="BudgetAvailable")].status"#, description = "Whether tokens are left today."),
    printcolumn(name = "Tokens", type_ = "integer", json_path = ".status.usage.tokensToday", priority = 1, description = "Tokens used today."),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", priority = 1, description = "One word for the state of the Persona."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.vectors == oldSelf.vectors",
    "spec.vectors cannot change, because stored vectors would no longer be comparable; create a Persona with another name",
))]
pub struct PersonaSpec {
    /// How the persona speaks.
    pub voice: Voice,
    /// The model that writes hook and body.
    pub model: ModelSpec,
    /// The model that turns a text into a vector. Another model or another endpoint's vectors mean a new collection.
    pub embedding: EmbeddingSpec,
    /// A moderation endpoint that every text is shown to. Absent: texts are not moderated from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<ModerationSpec>,
    /// The prompt that the persona follows where a ContentJob names none.
    pub prompt_ref: PromptRef,
    /// The Experiment that tasks join where their ContentJob names neither an experiment nor a prompt. While it is not
    /// running, jobs follow promptRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_experiment_ref: Option<LocalRef>,
    /// Settings of the vector collection. They cannot change once the Persona exists.
    #[serde(default)]
    pub vectors: VectorsSpec,
    /// What a text must keep to be stored.
    #[serde(default)]
    pub gates: Gates,
    /// How much may run at once and how much may be used.
    #[serde(default)]
    pub limits: PersonaLimits,
    /// How the persona's worker Pods are placed and connected.
    #[serde(default)]
    pub worker: WorkerSpec,
    /// True stops new tasks and worker Jobs of this Persona; what runs finishes. Nothing is deleted.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the records on deletion. Retain (the default) ends work and credentials and keeps posts, usage, the
    /// queue with its dead letters and the collection. Delete removes queue and collection too; posts and usage stay as
    /// records unless the annotation `threads-agent.io/erase: "true"` asks for their removal.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens where queue, collection or row no longer match. Repair (the default) puts them right; Report only says
    /// so in the condition Drifted.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
}

/// Settings of the vector collection.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct VectorsSpec {
    /// Length of a vector, as the embedding model gives it; 1536 is the length of `text-embedding-3-small`.
    #[serde(default = "default_dimensions")]
    #[schemars(range(min = 1, max = 4096))]
    pub dimensions: i32,
    /// How similarity is measured: Cosine (the default; length does not matter), Dot or Euclid.
    #[serde(default)]
    pub distance: Distance,
    /// What happens where the collection exists already. IfMatching (the default) takes it over if its vector settings are
    /// the same, and reports a Conflict otherwise; Never always reports a Conflict. It is never dropped or made anew.
    #[serde(default)]
    pub adoption: Adoption,
}

/// How similarity is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Distance {
    #[default]
    Cosine,
    Dot,
    Euclid,
}

impl Distance {
    /// Qdrant's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "Cosine",
            Self::Dot => "Dot",
            Self::Euclid => "Euclid",
        }
    }
}

/// Whether an existing collection may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adoption {
    #[default]
    IfMatching,
    Never,
}

/// How much may run at once and how much may be used.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PersonaLimits {
    /// Worker Pods of this Persona at the same time, over all its ContentJobs. `kubectl scale persona NAME --replicas=5`
    /// changes it; use suspend to stop.
    #[serde(default = "default_concurrency")]
    #[schemars(range(min = 1, max = 50))]
    pub concurrency: i32,
    /// Tokens that all ContentJobs of this Persona may use in one day (UTC), prompts, completions and embeddings together.
    /// Absent: no limit. Tasks that find it used up are parked until midnight.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000_000_i64))]
    pub tokens_per_day: Option<i64>,
}

fn default_dimensions() -> i32 {
    1536
}

fn default_concurrency() -> i32 {
    2
}

impl Default for VectorsSpec {
    fn default() -> Self {
        Self {
            dimensions: default_dimensions(),
            distance: Distance::default(),
            adoption: Adoption::default(),
        }
    }
}

impl Default for PersonaLimits {
    fn default() -> Self {
        Self {
            concurrency: default_concurrency(),
            tokens_per_day: None,
        }
    }
}
