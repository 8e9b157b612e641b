//! The Pod of a worker, whatever its work: restricted, without a token, with one Secret of credentials and the keys that it
//! needs as files, placed and connected as the resource says.

use crds::common::{meta::SecretPurpose, worker::WorkerSpec};
use k8s_openapi::{
    api::{
        batch::v1::{
            PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
        },
        core::v1::{
            Capabilities, ConfigMapVolumeSource, Container, EnvVar, EnvVarSource, KeyToPath,
            ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec,
            ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretProjection,
            SecretVolumeSource, SecurityContext, Volume, VolumeMount, VolumeProjection,
        },
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use std::collections::BTreeMap;

/// Where the worker finds its files; the worker's defaults are the same.
const CREDENTIALS_DIR: &str = "/etc/threads/credentials";
const KEYS_DIR: &str = "/etc/threads/keys";
const CA_DIR: &str = "/etc/threads/ca";
const CA_FILE: &str = "bundle.pem";
/// Seconds between SIGTERM and SIGKILL, and what the worker uses of them.
const GRACE_SECONDS: i64 = 30;
const GRACE_FOR_WORK: i64 = 25;
const WORKER_USER: i64 = 65532;

/// One key, as the file named for its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFile<'a> {
    pub purpose: SecretPurpose,
    /// Name of the Secret.
    pub name: &'a str,
    pub key: &'a str,
}

/// What a worker's Pod is made of.
pub struct WorkerPod<'a> {
    pub image: &'a str,
    pub image_pull_policy: &'a str,
    /// Subcommand of the worker; absent: it writes posts.
    pub subcommand: Option<&'static str>,
    pub placement: &'a WorkerSpec,
    pub environment: Vec<(&'static str, String)>,
    pub keys: Vec<KeyFile<'a>>,
    /// Secret with the tenant's credentials.
    pub credentials_secret: &'a str,
}

impl WorkerPod<'_> {
    /// The template of a Job. The user's labels come first, so that none of them can take the place of `ours`.
    #[must_use]
    pub fn template(&self, labels: BTreeMap<String, String>) -> PodTemplateSpec {
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(labels),
                ..ObjectMeta::default()
            }),
            spec: Some(self.pod()),
        }
    }

    fn pod(&self) -> PodSpec {
        let placement = self.placement;
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
            containers: vec![self.container()],
            volumes: Some(self.volumes()),
            ..PodSpec::default()
        }
    }

    fn container(&self) -> Container {
        let mut mounts = vec![
            mount("credentials", CREDENTIALS_DIR),
            mount("keys", KEYS_DIR),
        ];
        if self.placement.ca_bundle.is_some() {
            mounts.push(mount("ca", CA_DIR));
        }
        let resources = self.placement.resources.clone();
        Container {
            name: "worker".into(),
            image: Some(self.image.to_owned()),
            image_pull_policy: Some(self.image_pull_policy.to_owned()),
            command: Some(vec!["/worker".into()]),
            args: self.subcommand.map(|it| vec![it.to_owned()]),
            env: Some(self.environment()),
            resources: Some(resources.unwrap_or_else(default_resources)),
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

    fn environment(&self) -> Vec<EnvVar> {
        let mut environment: Vec<EnvVar> = self
            .environment
            .iter()
            .map(|(name, value)| plain(name, value.clone()))
            .collect();
        environment.extend([
            plain("THREADS_GRACE_SECONDS", GRACE_FOR_WORK.to_string()),
            plain("CREDENTIALS_DIR", CREDENTIALS_DIR.to_owned()),
            plain("KEYS_DIR", KEYS_DIR.to_owned()),
            pod_name(),
        ]);
        if let Some(proxy) = &self.placement.proxy {
            environment.push(plain("HTTPS_PROXY", proxy.url.clone()));
            if !proxy.no_proxy.is_empty() {
                environment.push(plain("NO_PROXY", proxy.no_proxy.join(",")));
            }
        }
        if self.placement.ca_bundle.is_some() {
            environment.push(plain("CA_BUNDLE", format!("{CA_DIR}/{CA_FILE}")));
        }
        environment
    }

    fn volumes(&self) -> Vec<Volume> {
        let mut volumes = vec![
            Volume {
                name: "credentials".into(),
                secret: Some(SecretVolumeSource {
                    secret_name: Some(self.credentials_secret.to_owned()),
                    default_mode: Some(0o440),
                    ..SecretVolumeSource::default()
                }),
                ..Volume::default()
            },
            Volume {
                name: "keys".into(),
                projected: Some(ProjectedVolumeSource {
                    default_mode: Some(0o440),
                    sources: Some(self.keys.iter().map(key_file).collect()),
                    ..ProjectedVolumeSource::default()
                }),
                ..Volume::default()
            },
        ];
        if let Some(bundle) = &self.placement.ca_bundle {
            volumes.push(Volume {
                name: "ca".into(),
                config_map: Some(ConfigMapVolumeSource {
                    name: bundle.name.clone(),
                    items: Some(vec![file(&bundle.key, CA_FILE)]),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            });
        }
        volumes
    }
}

/// Lost nodes and evictions do not count against a Job's Pods.
#[must_use]
pub fn disruptions_do_not_count() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![PodFailurePolicyRule {
            action: "Ignore".into(),
            on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                type_: "DisruptionTarget".into(),
                status: Some("True".into()),
            }]),
            on_exit_codes: None,
        }],
    }
}

fn plain(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    }
}

fn pod_name() -> EnvVar {
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
    }
}

fn key_file(key: &KeyFile<'_>) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: key.name.to_owned(),
            items: Some(vec![file(key.key, key.purpose.as_str())]),
            optional: None,
        }),
        ..VolumeProjection::default()
    }
}

fn file(key: &str, path: &str) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        path: path.to_owned(),
        ..KeyToPath::default()
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
