//! The Job (batch/v1) of a source, or of the records that have none, as it is sent to Kubernetes.

use super::super::validate::ValidatedSource;
use crds::common::meta::{LABEL_ACHIEVEMENT_SOURCE, LABEL_INSTALL, SecretPurpose};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::OwnerReference};
use serde_json::{Value, json};
use uuid::Uuid;

/// Seconds that one Job may take; what is left then is the next one's.
const DEADLINE_SECONDS: i64 = 3600;
/// Seconds that an ended Job is kept, so that its end is seen.
const TTL_SECONDS: i32 = 300;
/// Seconds between SIGTERM and SIGKILL, and what the worker uses of them.
const GRACE_SECONDS: i64 = 30;
const GRACE_FOR_WORK: i64 = 25;
const WORKER_USER: i64 = 65532;
const CREDENTIALS_DIR: &str = "/etc/threads/credentials";
const KEYS_DIR: &str = "/etc/threads/keys";

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

/// Builds the Job: one Pod, which may be lost once; lost nodes and evictions do not count.
#[must_use]
pub fn build(job: &SourceJob<'_>) -> Job {
    let mut labels = json!({
        "app.kubernetes.io/name": "threads-worker",
        "app.kubernetes.io/managed-by": "threads-operator",
        LABEL_INSTALL: job.install,
    });
    if let Some(source) = job.source {
        labels[LABEL_ACHIEVEMENT_SOURCE] = json!(source.name);
    }
    let object = json!({
        "metadata": { "name": job.name, "namespace": job.namespace, "labels": labels, "ownerReferences": job.owner.iter().collect::<Vec<_>>() },
        "spec": {
            "parallelism": 1, "completions": 1, "backoffLimit": 1,
            "activeDeadlineSeconds": DEADLINE_SECONDS, "ttlSecondsAfterFinished": TTL_SECONDS,
            "podFailurePolicy": { "rules": [{
                "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] }] },
            "template": { "metadata": { "labels": labels }, "spec": pod(job) },
        },
    });
    serde_json::from_value(object).unwrap_or_default()
}

fn pod(job: &SourceJob<'_>) -> Value {
    json!({
        "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": { "runAsNonRoot": true, "runAsUser": WORKER_USER, "runAsGroup": WORKER_USER, "fsGroup": WORKER_USER,
            "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{
            "name": "worker", "image": job.image, "imagePullPolicy": job.image_pull_policy,
            "command": ["/worker"], "args": [job.task.command()], "env": environment(job),
            "resources": { "requests": { "cpu": "20m", "memory": "24Mi" }, "limits": { "memory": "128Mi" } },
            "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] } },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [
                { "name": "credentials", "mountPath": CREDENTIALS_DIR, "readOnly": true },
                { "name": "keys", "mountPath": KEYS_DIR, "readOnly": true }],
        }],
        "volumes": [
            { "name": "credentials", "secret": { "secretName": job.credentials_secret, "defaultMode": 0o440 } },
            { "name": "keys", "projected": { "defaultMode": 0o440, "sources": keys(job) } }],
    })
}

fn environment(job: &SourceJob<'_>) -> Value {
    json!([
        { "name": "THREADS_NAMESPACE", "value": job.namespace },
        { "name": "THREADS_SOURCE_UID", "value": job.source.map_or(Uuid::nil(), |source| source.uid).to_string() },
        { "name": "THREADS_QUEUE", "value": job.queue },
        { "name": "THREADS_CREDENTIALS_DIGEST", "value": job.credentials_digest },
        { "name": "THREADS_GRACE_SECONDS", "value": GRACE_FOR_WORK.to_string() },
        { "name": "CREDENTIALS_DIR", "value": CREDENTIALS_DIR },
        { "name": "KEYS_DIR", "value": KEYS_DIR },
        { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
    ])
}

fn keys(job: &SourceJob<'_>) -> Vec<Value> {
    let needs = job.source.into_iter().flat_map(|source| &source.secrets);
    needs
        .filter(|need| need.purpose == job.task.key())
        .map(|need| {
            json!({ "secret": { "name": need.name, "items": [{ "key": need.key, "path": need.purpose.as_str() }] } })
        })
        .collect()
}

#[cfg(test)]
mod tests;
