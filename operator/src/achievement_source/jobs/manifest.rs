//! The Job (batch/v1) of a source, or of the records that have none, as it is sent to Kubernetes.

use super::super::validate::ValidatedSource;
use crate::worker_pod::{KeyFile, WorkerPod, disruptions_do_not_count};
use crds::common::{
    meta::{LABEL_ACHIEVEMENT_SOURCE, LABEL_INSTALL, SecretPurpose},
    worker::WorkerSpec,
};
use k8s_openapi::{
    api::batch::v1::{Job, JobSpec},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Seconds that one Job may take; what is left then is the next one's.
const DEADLINE_SECONDS: i64 = 3600;
/// Seconds that an ended Job is kept, so that its end is seen.
const TTL_SECONDS: i32 = 300;

/// What the worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Analyse,
    Backfill,
}

impl Task {
    /// The worker's subcommand.
    fn command(self) -> &'static str {
        match self {
            Self::Analyse => "analyse",
            Self::Backfill => "backfill",
        }
    }

    /// The one key of the source that it is given: an analysis has no use for the host's token, nor a backfill for the embedding's key.
    fn key(self) -> SecretPurpose {
        match self {
            Self::Analyse => SecretPurpose::Embedding,
            Self::Backfill => SecretPurpose::Github,
        }
    }
}

/// What one Job is made of.
pub struct SourceJob<'a> {
    pub task: Task,
    pub install: &'a str,
    pub image: &'a str,
    pub image_pull_policy: &'a str,
    pub namespace: &'a str,
    /// The resource with which it goes.
    pub owner: Option<OwnerReference>,
    pub name: &'a str,
    /// Absent: records of no source, which need no key.
    pub source: Option<&'a ValidatedSource>,
    pub queue: &'a str,
    pub credentials_digest: &'a str,
    /// Secret with the tenant's credentials.
    pub credentials_secret: &'a str,
}

/// Builds the Job: one Pod, which may be lost once.
#[must_use]
pub fn build(job: &SourceJob<'_>) -> Job {
    let labels = labels(job);
    let nowhere = WorkerSpec::default();
    let placement = job.source.map_or(&nowhere, |source| &source.worker);
    Job {
        metadata: ObjectMeta {
            name: Some(job.name.to_owned()),
            namespace: Some(job.namespace.to_owned()),
            labels: Some(labels.clone()),
            owner_references: job.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: Some(1),
            completions: Some(1),
            backoff_limit: Some(1),
            active_deadline_seconds: Some(DEADLINE_SECONDS),
            ttl_seconds_after_finished: Some(TTL_SECONDS),
            pod_failure_policy: Some(disruptions_do_not_count()),
            template: pod(job, placement).template(labels),
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// The user's labels first, so that none of them can take the place of ours.
fn labels(job: &SourceJob<'_>) -> BTreeMap<String, String> {
    let source = job.source;
    let mut labels = source.map_or_else(BTreeMap::new, |source| source.worker.labels.clone());
    for (label, value) in [
        ("app.kubernetes.io/name", "threads-worker"),
        ("app.kubernetes.io/managed-by", "threads-operator"),
        (LABEL_INSTALL, job.install),
    ] {
        labels.insert(label.to_owned(), value.to_owned());
    }
    if let Some(source) = source {
        labels.insert(LABEL_ACHIEVEMENT_SOURCE.to_owned(), source.name.clone());
    }
    labels
}

fn pod<'a>(job: &SourceJob<'a>, placement: &'a WorkerSpec) -> WorkerPod<'a> {
    let source = job.source.map_or(Uuid::nil(), |source| source.uid);
    WorkerPod {
        image: job.image,
        image_pull_policy: job.image_pull_policy,
        subcommand: Some(job.task.command()),
        placement,
        environment: vec![
            ("THREADS_NAMESPACE", job.namespace.to_owned()),
            ("THREADS_SOURCE_UID", source.to_string()),
            ("THREADS_QUEUE", job.queue.to_owned()),
            (
                "THREADS_CREDENTIALS_DIGEST",
                job.credentials_digest.to_owned(),
            ),
        ],
        keys: keys(job),
        credentials_secret: job.credentials_secret,
    }
}

fn keys<'a>(job: &SourceJob<'a>) -> Vec<KeyFile<'a>> {
    let needs = job.source.into_iter().flat_map(|source| &source.secrets);
    needs
        .filter(|need| need.purpose == job.task.key())
        .map(|need| KeyFile {
            purpose: need.purpose,
            name: &need.name,
            key: &need.key,
        })
        .collect()
}

#[cfg(test)]
mod tests;
