//! Settings of the worker: flags and environment, all set by the operator in the Job's Pod template.

use clap::Parser;
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

/// Writes posts for one persona: claims tasks, runs the pipeline, commits.
#[derive(Debug, Clone, Parser)]
#[command(name = "worker", version)]
pub struct Settings {
    /// Namespace of the ContentJob whose Pod this is.
    #[arg(long, env = "THREADS_NAMESPACE")]
    pub namespace: String,
    /// Persona whose tasks are claimed.
    #[arg(long, env = "THREADS_PERSONA_UID")]
    pub persona_uid: Uuid,
    /// Queue whose messages wake this worker.
    #[arg(long, env = "THREADS_QUEUE")]
    pub queue: String,
    /// Run of the ContentJob whose Pod this is; the worker leaves when it needs no Pods any more.
    #[arg(long, env = "THREADS_RUN_ID")]
    pub run_id: Uuid,
    /// Digest of the Secrets that are mounted; only tasks that need exactly these are claimed.
    #[arg(long, env = "THREADS_CREDENTIALS_DIGEST")]
    pub credentials_digest: String,
    /// Name under which tasks are claimed.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    /// Directory with database-url, amqp-url, qdrant-url and qdrant-token.
    #[arg(
        long,
        env = "CREDENTIALS_DIR",
        default_value = "/etc/threads/credentials"
    )]
    pub credentials_dir: PathBuf,
    /// Directory with the API keys: model, embedding, moderation.
    #[arg(long, env = "KEYS_DIR", default_value = "/etc/threads/keys")]
    pub keys_dir: PathBuf,
    /// Seconds of one lease; it is renewed three times in that time.
    #[arg(long, env = "THREADS_LEASE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub lease_seconds: u64,
    /// Seconds that Kubernetes leaves between SIGTERM and SIGKILL.
    #[arg(long, env = "THREADS_GRACE_SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub grace_seconds: u64,
    /// Proxy for calls to the model, the embedding and the moderation endpoint.
    #[arg(long, env = "HTTPS_PROXY")]
    pub https_proxy: Option<String>,
    /// PEM file with further certificate authorities to trust.
    #[arg(long, env = "CA_BUNDLE")]
    pub ca_bundle: Option<String>,
}

impl Settings {
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    #[must_use]
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// An empty setting is no setting.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.https_proxy.clone().filter(|proxy| !proxy.is_empty())
    }

    /// As [`Settings::proxy`].
    #[must_use]
    pub fn ca_bundle(&self) -> Option<PathBuf> {
        self.ca_bundle
            .as_ref()
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    }
}
