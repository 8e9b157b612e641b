//! Settings of `worker backfill`: flags and environment, all set by the operator in the Job's Pod template.

use clap::Parser;
use std::{path::PathBuf, time::Duration};
use uuid::Uuid;

/// Reads what the repositories of one source hold, and leaves.
#[derive(Debug, Clone, Parser)]
#[command(name = "worker backfill", version)]
pub struct Settings {
    /// Source that is filled.
    #[arg(long, env = "THREADS_SOURCE_UID")]
    pub source_uid: Uuid,
    /// Digest of the Secrets that are mounted; a source that needs others is left alone.
    #[arg(long, env = "THREADS_CREDENTIALS_DIGEST", default_value = "")]
    pub credentials_digest: String,
    /// Directory with database-url.
    #[arg(
        long,
        env = "CREDENTIALS_DIR",
        default_value = "/etc/threads/credentials"
    )]
    pub credentials_dir: PathBuf,
    /// Directory with the token: github.
    #[arg(long, env = "KEYS_DIR", default_value = "/etc/threads/keys")]
    pub keys_dir: PathBuf,
    /// Seconds that Kubernetes leaves between SIGTERM and SIGKILL.
    #[arg(long, env = "THREADS_GRACE_SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub grace_seconds: u64,
    /// Seconds of a rate limit that are waited for; a longer one ends the backfill until the limit is over.
    #[arg(long, env = "THREADS_RATE_LIMIT_SECONDS", default_value_t = 120)]
    pub rate_limit_seconds: u64,
    /// Proxy for calls to the host.
    #[arg(long, env = "HTTPS_PROXY")]
    pub https_proxy: Option<String>,
    /// PEM file with further certificate authorities to trust.
    #[arg(long, env = "CA_BUNDLE")]
    pub ca_bundle: Option<String>,
}

impl Settings {
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
