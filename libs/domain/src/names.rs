//! The only place that invents names of external things.
//!
//! Every name is a pure function of an identity, so that any write can be repeated: a slug that a person can read, cut to
//! what the system allows, and eight hexadecimal digits of the whole identity (install and namespace uid included), which
//! is what makes it unique.

use crate::digest::hex;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The namespace of every UUIDv5 that this product derives.
const UUID_NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_3c52_9a0e_5b7c_8d24_71e9_b0a3_c6f8);

/// A Kubernetes namespace as one install sees it: a namespace that was deleted and made again is another tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// Install identity, for example `threads`.
    pub install: String,
    /// Name of the Kubernetes namespace.
    pub namespace: String,
    /// Its `metadata.uid`.
    pub namespace_uid: Uuid,
}

/// Which of a tenant's two credentials; rotation goes from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    A,
    B,
}

impl Slot {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Slot::A => "a",
            Slot::B => "b",
        }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }
}

/// Queue that wakes the workers of one persona, and the routing key that reaches it on the exchange `tasks`.
#[must_use]
pub fn persona_queue(tenant: &Tenant, persona: &str) -> String {
    format!(
        "content.generation.{}.{}-{}",
        slug(&tenant.namespace, 63),
        slug(persona, 50),
        hash8(&[
            "queue",
            &tenant.install,
            &tenant.namespace_uid.to_string(),
            &tenant.namespace,
            persona
        ])
    )
}

/// The dead-letter queue of a queue.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dead")
}

/// Qdrant collection of one persona's posts. Another embedding model, size or distance is another collection.
#[must_use]
pub fn posts_collection(tenant: &Tenant, persona: &str, embedding: &EmbeddingSpace) -> String {
    let hash = hash8(&[
        "collection",
        &tenant.install,
        &tenant.namespace_uid.to_string(),
        &tenant.namespace,
        persona,
        &embedding.model,
        &embedding.dimensions.to_string(),
        &embedding.distance,
    ]);
    format!(
        "posts_{}_{}_{hash}",
        slug(&tenant.namespace, 63),
        slug(persona, 50)
    )
}

/// What makes two embeddings comparable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmbeddingSpace {
    pub model: String,
    pub dimensions: u32,
    pub distance: String,
}

/// Kubernetes Job that runs the workers of a ContentJob; `ordinal` counts its replacements.
///
/// At most 63 characters, the limit of the pod label that carries a Job's name.
#[must_use]
pub fn worker_job(install: &str, content_job: &str, job_uid: Uuid, ordinal: i32) -> String {
    let hash = hash8(&["job", install, &job_uid.to_string()]);
    let tail = format!("-{ordinal}-{hash}");
    format!("{}{tail}", slug(content_job, 63 - tail.len()))
}

/// Postgres role and RabbitMQ user of a tenant's workers; at most 63 bytes, Postgres' limit.
#[must_use]
pub fn worker_login(tenant: &Tenant, slot: Slot) -> String {
    let hash = hash8(&[
        "login",
        &tenant.install,
        &tenant.namespace_uid.to_string(),
        &tenant.namespace,
    ]);
    let tail = format!("_{hash}_{}", slot.as_str());
    let head = format!(
        "{}_{}",
        slug(&tenant.install, 16),
        slug(&tenant.namespace, 63)
    );
    format!("{}{tail}", cut(&head, 63 - tail.len()))
}

/// Secret in the tenant's namespace that holds the credentials of one slot.
#[must_use]
pub fn worker_secret(install: &str, slot: Slot) -> String {
    format!("{}-worker-{}", slug(install, 40), slot.as_str())
}

/// Identity of one run of a ContentJob: the same spec and `runId` of the same object is the same run.
#[must_use]
pub fn run_id(job_uid: Uuid, run_key: &str, spec_digest: &str) -> Uuid {
    derive(&["run", &job_uid.to_string(), run_key, spec_digest])
}

/// Identity of the run that embeds one revision of an edited post.
#[must_use]
pub fn embedding_run_id(post: Uuid, revision: i32) -> Uuid {
    derive(&["embedding-run", &post.to_string(), &revision.to_string()])
}

/// Identity of task `index` (from 0) of a run.
#[must_use]
pub fn task_id(run: Uuid, index: i32) -> Uuid {
    derive(&["task", &run.to_string(), &index.to_string()])
}

/// Identity of the post that a task writes, of its row and of its point: whoever repeats the task writes the same post.
#[must_use]
pub fn post_id(task: Uuid) -> Uuid {
    derive(&["post", &task.to_string()])
}

/// Identity of something that people are told: one for each time that a resource gets into a state. `since` is when it was in another
/// one, so that whoever repeats the step tells the same.
#[must_use]
pub fn notification_id(resource: Uuid, topic: &str, since: &str) -> Uuid {
    derive(&["notification", &resource.to_string(), topic, since])
}

/// Identity of the unit that a task is to an experiment whose unit is the post.
#[must_use]
pub fn unit_of_task(experiment: Uuid, task: Uuid) -> Uuid {
    derive(&["unit-task", &experiment.to_string(), &task.to_string()])
}

/// Identity of the unit that a participant is to an experiment, and the subject of what is told of them.
#[must_use]
pub fn unit_of_participant(experiment: Uuid, participant: &str) -> Uuid {
    derive(&["unit-participant", &experiment.to_string(), participant])
}

/// Identity of an immutable persona revision.
#[must_use]
pub fn persona_revision_id(persona_uid: Uuid, digest: &str) -> Uuid {
    derive(&["persona-revision", &persona_uid.to_string(), digest])
}

/// Identity of the message that wakes a worker for the given attempt (0 for the first) of a task.
#[must_use]
pub fn wake_message_id(task: Uuid, attempt: i32) -> Uuid {
    derive(&["wake", &task.to_string(), &attempt.to_string()])
}

/// What makes a pull request one achievement, whoever tells of it: hosts renumber nothing, and names of repositories change.
#[must_use]
pub fn pull_request_identity(host: &str, repository_id: i64, number: i64) -> String {
    format!("github/{host}/{repository_id}/{number}")
}

/// Identity of the record of an achievement.
#[must_use]
pub fn achievement_id(namespace: &str, identity: &str) -> Uuid {
    derive(&["achievement", namespace, identity])
}

/// Identity of a push, release or deployment.
#[must_use]
pub fn evidence_id(
    namespace: &str,
    host: &str,
    repository_id: i64,
    kind: &str,
    external_id: &str,
) -> Uuid {
    derive(&[
        "evidence",
        namespace,
        host,
        &repository_id.to_string(),
        kind,
        external_id,
    ])
}

/// Identity of the analysis of one version of a record's facts; `rescoring` counts explicit rescorings.
#[must_use]
pub fn analysis_task_id(achievement: Uuid, facts_version: i32, rescoring: i32) -> Uuid {
    derive(&[
        "analysis",
        &achievement.to_string(),
        &facts_version.to_string(),
        &rescoring.to_string(),
    ])
}

/// Name of the Achievement resource that stands for a record: what a person can read, and a hash of its identity.
#[must_use]
pub fn achievement_resource(title: &str, identity: &str) -> String {
    format!(
        "{}-{}",
        slug(title, 41),
        hash8(&["achievement-resource", identity])
    )
}

/// Name of the ContentJob that announces a record; the same for ever, so that it is announced once.
#[must_use]
pub fn announcement_job(title: &str, identity: &str) -> String {
    format!(
        "{}-{}",
        slug(&format!("announce-{title}"), 41),
        hash8(&["announcement", identity])
    )
}

/// Queue that wakes the analysis workers of a namespace, and its routing key on the exchange `tasks`.
#[must_use]
pub fn analysis_queue(tenant: &Tenant) -> String {
    format!(
        "achievement.analysis.{}-{}",
        slug(&tenant.namespace, 63),
        hash8(&[
            "analysis-queue",
            &tenant.install,
            &tenant.namespace_uid.to_string(),
            &tenant.namespace
        ])
    )
}

/// Qdrant collection of a namespace's achievements. Another embedding model, size or distance is another collection.
#[must_use]
pub fn achievements_collection(tenant: &Tenant, embedding: &EmbeddingSpace) -> String {
    let hash = hash8(&[
        "achievements",
        &tenant.install,
        &tenant.namespace_uid.to_string(),
        &tenant.namespace,
        &embedding.model,
        &embedding.dimensions.to_string(),
        &embedding.distance,
    ]);
    format!("achievements_{}_{hash}", slug(&tenant.namespace, 63))
}

/// Kubernetes Job of a source: `kind` is `analysis` or `backfill`, `ordinal` counts its replacements. At most 63 characters.
#[must_use]
pub fn achievement_job(
    install: &str,
    kind: &str,
    source: &str,
    source_uid: Uuid,
    ordinal: i32,
) -> String {
    let hash = hash8(&["achievement-job", install, kind, &source_uid.to_string()]);
    let tail = format!("-{kind}-{ordinal}-{hash}");
    format!("{}{tail}", slug(source, 63 - tail.len()))
}

/// Where an export lies in the bucket: made of what the product knows alone, so that no input can leave its place (FAULTS 55).
#[must_use]
pub fn export_key(install: &str, namespace: &str, export: Uuid, extension: &str) -> String {
    format!(
        "{}/{}/exports/{export}.{extension}",
        slug(install, 40),
        slug(namespace, 63)
    )
}

/// Seed that a model is given: a repeat after a crash asks for the same text, a regeneration for another.
///
/// Always positive and below 2^31, which every OpenAI-compatible endpoint accepts.
#[must_use]
pub fn model_seed(task: Uuid, regeneration: u32) -> i64 {
    let hash = sha(&["seed", &task.to_string(), &regeneration.to_string()]);
    i64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1)
}

/// The readable part of a name: lower-case letters, digits and inner dashes, at most `max` characters, never empty.
#[must_use]
pub fn slug(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for c in text.chars().flat_map(char::to_lowercase) {
        if out.len() >= max {
            break;
        }
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let trimmed = out.trim_end_matches('-');
    if trimmed.is_empty() {
        "x".to_owned()
    } else {
        trimmed.to_owned()
    }
}

fn cut(ascii: &str, max: usize) -> &str {
    &ascii[..ascii.len().min(max)]
}

fn hash8(parts: &[&str]) -> String {
    hex(&sha(parts)[..4])
}

fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&UUID_NAMESPACE, &framed(parts))
}

fn sha(parts: &[&str]) -> [u8; 32] {
    Sha256::digest(framed(parts)).into()
}

/// Length-prefixed, so that `("ab", "c")` and `("a", "bc")` are different identities.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
