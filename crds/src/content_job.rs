//! ContentJob: what to write.

pub mod posts;
pub mod rules;
pub mod status;

pub use posts::{NearestPost, PlanStatus, PostStatus};
pub use status::{
    CONDITIONS, ContentJobPhase, ContentJobStatus, ErrorClass, JobRef, JobUsage, LastError,
    TaskCounts,
};

use crate::common::policy::{DeletionPolicy, DriftPolicy};
use crate::common::reference::{ConfigMapKeyRef, LocalRef, PromptRef};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What to write: one input, a number of posts, and the Persona that writes them.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "threads-agent.io",
    version = "v1alpha1",
    kind = "ContentJob",
    plural = "contentjobs",
    shortname = "cjob",
    category = "threads",
    namespaced,
    status = "ContentJobStatus",
    derive = "PartialEq",
    cel,
    doc = "A ContentJob says what to write: one input, a number of posts, and the Persona that writes them. It runs once; apply it again as often as you like, and change spec.runId to run it anew.",
    validation = crate::common::rules::name_is_short(),
    validation = crate::common::rules::name_has_no_dot(),
    selectable = ".spec.personaRef.name",
    selectable = ".status.phase",
    printcolumn(name = "Persona", type_ = "string", json_path = ".spec.personaRef.name", description = "Persona that writes."),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "One word for the state of the job."),
    printcolumn(name = "Done", type_ = "string", json_path = ".status.progress", description = "Stored posts of those asked for."),
    printcolumn(name = "Tokens", type_ = "integer", json_path = ".status.usage.totalTokens", description = "Tokens used so far."),
    printcolumn(name = "Why", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it waits, or how it ended."),
    printcolumn(name = "Cost", type_ = "integer", json_path = ".status.usage.costMicros", priority = 1, description = "Cost in millionths of the currency, where prices are known."),
    printcolumn(name = "Finished", type_ = "string", json_path = r#".status.conditions[?(@.type=="Finished")].status"#, priority = 1, description = "Whether no task will run any more."),
    printcolumn(name = "Run", type_ = "string", json_path = ".status.runId", priority = 1, description = "Run that the status tells of."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since it was made.")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::unchanged("personaRef"))]
#[x_kube(validation = rules::unchanged("input"))]
#[x_kube(validation = rules::unchanged("count"))]
#[x_kube(validation = rules::unchanged("parallelism"))]
#[x_kube(validation = rules::unchanged("contentType"))]
#[x_kube(validation = rules::unchanged_optional("promptRef"))]
#[x_kube(validation = rules::unchanged_optional("experimentRef"))]
#[x_kube(validation = (
    "!(has(self.promptRef) && has(self.experimentRef))",
    "promptRef says which prompt to follow and experimentRef lets the experiment choose; remove one of the two",
))]
#[x_kube(validation = rules::unchanged_optional("variables"))]
#[x_kube(validation = rules::unchanged("mode"))]
#[x_kube(validation = rules::unchanged("timeouts"))]
#[x_kube(validation = rules::unchanged("retry"))]
#[x_kube(validation = rules::unchanged("limits"))]
#[x_kube(validation = rules::cancel_is_final())]
pub struct ContentJobSpec {
    /// The Persona that writes, in the same namespace.
    pub persona_ref: LocalRef,
    /// What the posts are about: a text, or a key of a ConfigMap that holds one.
    pub input: Input,
    /// Number of posts, 1 (the default) to 200.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 200))]
    pub count: i32,
    /// Worker Pods at the same time, 1 to 50; the default is 2. Fewer run where count or the Persona's concurrency is less.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 50))]
    pub parallelism: i32,
    /// What kind of text it is: post (the default), thread or announcement. Prompts see it as `contentType`.
    #[serde(default)]
    pub content_type: ContentType,
    /// The prompt to follow. Absent: the Persona's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_ref: Option<PromptRef>,
    /// The Experiment that the job's tasks join; it must be running, and of the same Persona. Absent: the Persona's
    /// `defaultExperimentRef`, unless promptRef is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_ref: Option<LocalRef>,
    /// Values for the template's variables, by name, at most 50 of at most 4096 characters; they stand before the template's
    /// defaults. A variable that the template requires must be here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::schema::variables")]
    pub variables: BTreeMap<String, String>,
    /// Generate (the default) writes posts. Plan writes none: it renders the prompt, estimates the tokens and shows the
    /// nearest existing posts in `status.plan`, at the price of one embedding.
    #[serde(default)]
    pub mode: Mode,
    /// Tasks of a higher priority are claimed first, 0 to 100; the default is 50. It may change while the job runs.
    #[serde(default = "fifty")]
    #[schemars(range(min = 0, max = 100))]
    pub priority: i32,
    /// How long the job and one attempt may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often a task is tried.
    #[serde(default)]
    pub retry: Retry,
    /// True ends the job: tasks that have not begun are cancelled, running ones are stopped, posts stay. It cannot be taken
    /// back, except together with a new runId.
    #[serde(default)]
    pub cancel: bool,
    /// How much the job may use.
    #[serde(default)]
    pub limits: JobLimits,
    /// Name of the run, at most 63 characters; another value runs the same job anew. Applying the same value again does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub run_id: Option<String>,
    /// Seconds after its end when the worker Job is removed and the status shortened to counts and digests; the ContentJob
    /// itself stays. The default is 3600, the most 2592000 (30 days).
    #[serde(default = "hour")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub ttl_seconds_after_finished: i32,
    /// True stops claiming and removes the worker Job; running tasks finish or go back. False resumes where it stopped.
    #[serde(default)]
    pub suspend: bool,
    /// What becomes of the records on deletion. Retain (the default) ends the work and keeps posts and usage. Delete cancels
    /// first and removes tasks and messages; posts and usage stay as records unless the annotation
    /// `threads-agent.io/erase: "true"` asks for their removal.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What happens where rows or worker Jobs no longer match. Repair (the default) puts them right; Report only says so in
    /// the condition Drifted.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
}

/// What the posts are about.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.text) != has(self.configMapKeyRef)",
    "give exactly one of input.text and input.configMapKeyRef",
))]
pub struct Input {
    /// The text itself, at most 16384 characters. Prompts see it as `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16_384))]
    pub text: Option<String>,
    /// A ConfigMap key of this namespace that holds the text; it is read once, when the job is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
}

/// What kind of text it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    #[default]
    Post,
    Thread,
    Announcement,
}

/// Whether posts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    #[default]
    Generate,
    Plan,
}

/// How long the job and one attempt may take.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "self.attemptSeconds <= self.totalSeconds",
    "timeouts.attemptSeconds must not be above timeouts.totalSeconds; lower the one or raise the other",
))]
pub struct Timeouts {
    /// Seconds from acceptance after which tasks that are not done fail; the default is 3600, the most 604800 (7 days).
    /// Time in suspension counts.
    #[serde(default = "hour")]
    #[schemars(range(min = 10, max = 604_800))]
    pub total_seconds: i32,
    /// Seconds that one attempt of one task may take; the default is 300, the most 3600.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 5, max = 3600))]
    pub attempt_seconds: i32,
}

/// How often a task is tried.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Attempts a task, the first included, 1 to 10; the default is 3. Lost Pods and restarts of the system are not counted.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    pub max_attempts: i32,
}

/// How much the job may use.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct JobLimits {
    /// Tokens that all tasks together may use, prompts, completions and embeddings together; they are reserved before a task
    /// is queued. Absent: only the Persona's limit holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub tokens: Option<i64>,
}

fn one() -> i32 {
    1
}

fn two() -> i32 {
    2
}

fn three() -> i32 {
    3
}

fn fifty() -> i32 {
    50
}

fn hour() -> i32 {
    3_600
}

fn five_minutes() -> i32 {
    300
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            total_seconds: hour(),
            attempt_seconds: five_minutes(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: three(),
        }
    }
}
