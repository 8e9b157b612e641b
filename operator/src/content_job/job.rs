//! The worker Job (batch/v1) as it is sent to Kubernetes.

use crate::{
    cli::Settings,
    worker_pod::{KeyFile, WorkerPod, disruptions_do_not_count},
};
use crds::{
    Persona,
    common::meta::{LABEL_CONTENT_JOB, LABEL_INSTALL, LABEL_PERSONA, SecretPurpose},
};
use domain::revision::{PersonaRevision, SecretKey};
use k8s_openapi::{
    api::batch::v1::{Job, JobSpec},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Label on worker Jobs and Pods: the run.
pub const LABEL_RUN: &str = "threads-agent.io/run";
/// Seconds of one lease: a task of a lost Pod is claimable again after that.
const LEASE_SECONDS: u32 = 20;
/// Seconds that Kubernetes keeps an ended Job at least. Below that, a Job that fails at once would be gone before its
/// failure was seen, and be made again without a wait.
const LEAST_TTL: i32 = 60;

/// What all workers of the install share.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    pub install: String,
    pub image: String,
    pub image_pull_policy: String,
    /// Worker Pods of the install at the same time; absent means no limit.
    pub pods_limit: Option<i32>,
    /// Receiver of traces over OTLP; absent means no traces.
    pub traces_endpoint: Option<String>,
}

impl WorkerSettings {
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let workers = &settings.workers;
        Self {
            install: settings.install.clone(),
            image: workers.worker_image.clone(),
            image_pull_policy: workers.worker_image_pull_policy.clone(),
            pods_limit: workers.max_worker_pods,
            traces_endpoint: (workers.traces_endpoint.clone())
                .filter(|endpoint| !endpoint.is_empty()),
        }
    }
}

/// What one worker Job is made of.
pub struct WorkerJob<'a> {
    pub settings: &'a WorkerSettings,
    pub namespace: &'a str,
    /// The resource with which it goes.
    pub owner: Option<OwnerReference>,
    /// Name of the ContentJob, where it is one's.
    pub content_job: Option<&'a str>,
    pub ttl_seconds: i32,
    pub persona: &'a Persona,
    pub persona_name: &'a str,
    pub persona_uid: Uuid,
    pub revision: &'a PersonaRevision,
    pub queue: &'a str,
    pub run: Uuid,
    pub credentials_digest: &'a str,
    /// Secret with the tenant's credentials.
    pub credentials_secret: &'a str,
    pub name: &'a str,
    pub pods: i32,
    pub seconds_left: i64,
}

/// Builds the Job. It has no completions, so a Pod that ends well tells Kubernetes that no further one is needed.
#[must_use]
pub fn build_job(worker: &WorkerJob<'_>) -> Job {
    let labels = labels(worker);
    Job {
        metadata: ObjectMeta {
            name: Some(worker.name.to_owned()),
            namespace: Some(worker.namespace.to_owned()),
            labels: Some(labels.clone()),
            owner_references: worker.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: Some(worker.pods),
            // Each Pod may be lost once before the Job is given up and replaced; lost nodes and evictions do not count.
            backoff_limit: Some(worker.pods),
            active_deadline_seconds: Some(worker.seconds_left.max(1)),
            ttl_seconds_after_finished: Some(worker.ttl_seconds.max(LEAST_TTL)),
            pod_failure_policy: Some(disruptions_do_not_count()),
            template: pod(worker).template(labels),
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// The user's labels first, so that none of them can take the place of ours.
fn labels(worker: &WorkerJob<'_>) -> BTreeMap<String, String> {
    let mut labels = worker.persona.spec.worker.labels.clone();
    for (label, value) in [
        ("app.kubernetes.io/name", "threads-worker".to_owned()),
        (
            "app.kubernetes.io/managed-by",
            "threads-operator".to_owned(),
        ),
        (LABEL_INSTALL, worker.settings.install.clone()),
        (LABEL_PERSONA, worker.persona_name.to_owned()),
        (LABEL_RUN, worker.run.to_string()),
    ] {
        labels.insert(label.to_owned(), value);
    }
    if let Some(name) = worker.content_job {
        labels.insert(LABEL_CONTENT_JOB.to_owned(), name.to_owned());
    }
    labels
}

fn pod<'a>(worker: &WorkerJob<'a>) -> WorkerPod<'a> {
    let traces = (worker.settings.traces_endpoint.iter())
        .map(|endpoint| ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.clone()));
    let environment = [
        ("THREADS_NAMESPACE", worker.namespace.to_owned()),
        ("THREADS_PERSONA_UID", worker.persona_uid.to_string()),
        ("THREADS_QUEUE", worker.queue.to_owned()),
        ("THREADS_RUN_ID", worker.run.to_string()),
        (
            "THREADS_CREDENTIALS_DIGEST",
            worker.credentials_digest.to_owned(),
        ),
        ("THREADS_LEASE_SECONDS", LEASE_SECONDS.to_string()),
    ];
    WorkerPod {
        image: &worker.settings.image,
        image_pull_policy: &worker.settings.image_pull_policy,
        subcommand: None,
        placement: &worker.persona.spec.worker,
        environment: environment.into_iter().chain(traces).collect(),
        keys: keys(worker.revision)
            .into_iter()
            .map(|(purpose, key)| KeyFile {
                purpose,
                name: &key.name,
                key: &key.key,
            })
            .collect(),
        credentials_secret: worker.credentials_secret,
    }
}

/// The keys that a worker of this revision needs, by purpose. They come from the revision that the tasks pin, because a
/// worker claims only tasks whose credentials it has.
#[must_use]
pub fn keys(revision: &PersonaRevision) -> Vec<(SecretPurpose, &SecretKey)> {
    let mut keys = vec![
        (SecretPurpose::Model, &revision.model.endpoint.secret),
        (SecretPurpose::Embedding, &revision.embedding.secret),
    ];
    if let Some(moderation) = &revision.moderation {
        keys.push((SecretPurpose::Moderation, &moderation.secret));
    }
    keys
}

#[cfg(test)]
mod tests;
