//! The worker Job (batch/v1) as it is sent to Kubernetes.

use crds::{
    Persona,
    common::meta::{LABEL_CONTENT_JOB, LABEL_INSTALL, LABEL_PERSONA, SecretPurpose},
};
use domain::revision::{PersonaRevision, SecretKey};
use k8s_openapi::{
    api::{
        batch::v1::{
            Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern,
            PodFailurePolicyRule,
        },
        core::v1::{
            Capabilities, ConfigMapVolumeSource, Container, EnvVar, EnvVarSource, KeyToPath,
            ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec,
            ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretProjection,
            SecretVolumeSource, SecurityContext, Volume, VolumeMount, VolumeProjection,
        },
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Label on worker Jobs and Pods: the run.
pub const LABEL_RUN: &str = "threads-agent.io/run";
/// Where the worker finds its files; the worker's defaults are the same.
const CREDENTIALS_DIR: &str = "/etc/threads/credentials";
const KEYS_DIR: &str = "/etc/threads/keys";
const CA_DIR: &str = "/etc/threads/ca";
const CA_FILE: &str = "bundle.pem";
/// Seconds of one lease: a task of a lost Pod is claimable again after that.
const LEASE_SECONDS: u32 = 20;
/// Seconds between SIGTERM and SIGKILL, and what the worker uses of them.
const GRACE_SECONDS: i64 = 30;
const GRACE_FOR_WORK: i64 = 25;
/// Seconds that Kubernetes keeps an ended Job at least. Below that, a Job that fails at once would be gone before its
/// failure was seen, and be made again without a wait.
const LEAST_TTL: i32 = 60;
const WORKER_USER: i64 = 65532;

/// What all workers of the install share.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    pub install: String,
    pub image: String,
    pub image_pull_policy: String,
    /// Worker Pods of the install at the same time; absent means no limit.
    pub pods_limit: Option<i32>,
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
            pod_failure_policy: Some(PodFailurePolicy {
                rules: vec![PodFailurePolicyRule {
                    action: "Ignore".into(),
                    on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                        type_: "DisruptionTarget".into(),
                        status: Some("True".into()),
                    }]),
                    on_exit_codes: None,
                }],
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(worker)),
            },
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

fn pod(worker: &WorkerJob<'_>) -> PodSpec {
    let placement = &worker.persona.spec.worker;
    PodSpec {
        restart_policy: Some("Never".into()),
        automount_service_account_token: Some(false),
        service_account_name: placement.service_account_name.clone(),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        node_selector: (!placement.node_selector.is_empty())
            .then(|| placement.node_selector.clone()),
        tolerations: (!placement.tolerations.is_empty()).then(|| placement.tolerations.clone()),
        priority_class_name: placement.priority_class_name.clone(),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(WORKER_USER),
            run_as_group: Some(WORKER_USER),
            fs_group: Some(WORKER_USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(worker)],
        volumes: Some(volumes(worker)),
        ..PodSpec::default()
    }
}

fn container(worker: &WorkerJob<'_>) -> Container {
    let mut mounts = vec![
        mount("credentials", CREDENTIALS_DIR),
        mount("keys", KEYS_DIR),
    ];
    if worker.persona.spec.worker.ca_bundle.is_some() {
        mounts.push(mount("ca", CA_DIR));
    }
    Container {
        name: "worker".into(),
        image: Some(worker.settings.image.clone()),
        image_pull_policy: Some(worker.settings.image_pull_policy.clone()),
        command: Some(vec!["/worker".into()]),
        env: Some(environment(worker)),
        resources: Some(
            worker
                .persona
                .spec
                .worker
                .resources
                .clone()
                .unwrap_or_else(default_resources),
        ),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities {
                add: None,
                drop: Some(vec!["ALL".into()]),
            }),
            ..SecurityContext::default()
        }),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn environment(worker: &WorkerJob<'_>) -> Vec<EnvVar> {
    let plain = |name: &str, value: String| EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    };
    let mut environment = vec![
        plain("THREADS_NAMESPACE", worker.namespace.to_owned()),
        plain("THREADS_PERSONA_UID", worker.persona_uid.to_string()),
        plain("THREADS_QUEUE", worker.queue.to_owned()),
        plain("THREADS_RUN_ID", worker.run.to_string()),
        plain(
            "THREADS_CREDENTIALS_DIGEST",
            worker.credentials_digest.to_owned(),
        ),
        plain("THREADS_LEASE_SECONDS", LEASE_SECONDS.to_string()),
        plain("THREADS_GRACE_SECONDS", GRACE_FOR_WORK.to_string()),
        plain("CREDENTIALS_DIR", CREDENTIALS_DIR.to_owned()),
        plain("KEYS_DIR", KEYS_DIR.to_owned()),
        EnvVar {
            name: "POD_NAME".to_owned(),
            value: None,
            value_from: Some(EnvVarSource {
                field_ref: Some(ObjectFieldSelector {
                    api_version: None,
                    field_path: "metadata.name".to_owned(),
                }),
                ..EnvVarSource::default()
            }),
        },
    ];
    if let Some(proxy) = &worker.persona.spec.worker.proxy {
        environment.push(plain("HTTPS_PROXY", proxy.url.clone()));
        if !proxy.no_proxy.is_empty() {
            environment.push(plain("NO_PROXY", proxy.no_proxy.join(",")));
        }
    }
    if worker.persona.spec.worker.ca_bundle.is_some() {
        environment.push(plain("CA_BUNDLE", format!("{CA_DIR}/{CA_FILE}")));
    }
    environment
}

fn volumes(worker: &WorkerJob<'_>) -> Vec<Volume> {
    let mut volumes = vec![
        Volume {
            name: "credentials".into(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(worker.credentials_secret.to_owned()),
                default_mode: Some(0o440),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: "keys".into(),
            projected: Some(ProjectedVolumeSource {
                default_mode: Some(0o440),
                sources: Some(
                    keys(worker.revision)
                        .into_iter()
                        .map(|(purpose, key)| key_file(purpose, key))
                        .collect(),
                ),
                ..ProjectedVolumeSource::default()
            }),
            ..Volume::default()
        },
    ];
    if let Some(bundle) = &worker.persona.spec.worker.ca_bundle {
        volumes.push(Volume {
            name: "ca".into(),
            config_map: Some(ConfigMapVolumeSource {
                name: bundle.name.clone(),
                items: Some(vec![KeyToPath {
                    key: bundle.key.clone(),
                    path: CA_FILE.into(),
                    ..KeyToPath::default()
                }]),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    volumes
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

fn key_file(purpose: SecretPurpose, secret: &SecretKey) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: secret.name.clone(),
            items: Some(vec![KeyToPath {
                key: secret.key.clone(),
                path: purpose.as_str().to_owned(),
                ..KeyToPath::default()
            }]),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

fn default_resources() -> ResourceRequirements {
    let quantities = |pairs: &[(&str, &str)]| {
        Some(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned())))
                .collect(),
        )
    };
    ResourceRequirements {
        requests: quantities(&[("cpu", "20m"), ("memory", "24Mi")]),
        limits: quantities(&[("memory", "128Mi")]),
        ..ResourceRequirements::default()
    }
}

#[cfg(test)]
mod tests;
