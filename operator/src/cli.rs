//! Settings of the process, each a flag and an environment variable.

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use std::{convert::Infallible, net::SocketAddr};

#[derive(Debug, Parser)]
#[command(name = "operator", about = "The operator of threads-agent.io", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Elects a leader and, as the leader, brings all resources about.
    Run(Box<Settings>),
    /// Brings the database's schema to this build's version.
    Migrate(MigrateSettings),
    /// Looks at an experiment's rows.
    #[command(subcommand)]
    Experiment(ExperimentCommand),
    /// Analyses the achievements of a namespace once more, by the formula of today's workers. Publishes nothing.
    Rescore(RescoreSettings),
    /// Asks addresses whether they answer with 200; for `helm test`.
    Probe(ProbeSettings),
}

#[derive(Debug, Subcommand)]
pub enum ExperimentCommand {
    /// Counts the stored units again and tells whether they give the verdict and the digest that were recorded.
    Recompute(RecomputeSettings),
}

#[derive(Debug, Clone, Args)]
pub struct RecomputeSettings {
    /// Postgres URL of the operator's role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
    /// Namespace of the Experiment.
    #[arg(long)]
    pub namespace: String,
    /// Name of the Experiment.
    #[arg(long)]
    pub name: String,
}

#[derive(Debug, Clone, Args)]
pub struct RescoreSettings {
    /// Postgres URL of the operator's role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
    /// Namespace of the records.
    #[arg(long)]
    pub namespace: String,
}

#[derive(Debug, Clone, Args)]
pub struct ProbeSettings {
    /// Addresses such as http://threads-agent-metrics:8081/readyz.
    #[arg(required = true)]
    pub addresses: Vec<url::Url>,
}

#[derive(Debug, Clone, Args)]
pub struct MigrateSettings {
    /// Postgres URL of the owner of the schema.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub migrate_database_url: SecretString,
}

#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Identity of this install; prefixes every name outside Kubernetes.
    #[arg(long, env = "THREADS_INSTALL", default_value = "threads")]
    pub install: String,
    /// Namespace in which the operator runs: of its Lease and of its switches.
    #[arg(long, env = "OPERATOR_NAMESPACE", default_value = "threads-system")]
    pub operator_namespace: String,
    /// Name of this Pod, by which it is known as a leader.
    #[arg(long, env = "POD_NAME", default_value = "operator")]
    pub pod_name: String,
    /// ConfigMap of the operator's namespace with the switch `paused`.
    #[arg(
        long,
        env = "SETTINGS_CONFIGMAP",
        default_value = "threads-agent-settings"
    )]
    pub settings_configmap: String,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "HEALTH_ADDR", default_value = "0.0.0.0:8081")]
    pub health_addr: SocketAddr,
    /// Pepper of the API, from which the key is derived that seals webhook secrets; absent: AchievementSources take no webhook.
    #[arg(long, env = "API_KEY_PEPPER", hide_env_values = true, value_parser = secret)]
    pub api_key_pepper: Option<SecretString>,
    #[command(flatten)]
    pub services: ServiceSettings,
    #[command(flatten)]
    pub workers: WorkerSettings,
    #[command(flatten)]
    pub notifications: NotificationSettings,
}

/// Where people are told what failed, stalled, was decided or ran out of budget.
#[derive(Debug, Clone, Args)]
pub struct NotificationSettings {
    /// URL to which messages are posted; it may hold a token. Absent: nobody is told.
    #[arg(long, env = "NOTIFICATIONS_URL", hide_env_values = true, value_parser = secret)]
    pub notifications_url: Option<SecretString>,
    /// What messages are signed with; absent: they are not signed.
    #[arg(long, env = "NOTIFICATIONS_SIGNING_KEY", hide_env_values = true, value_parser = secret)]
    pub notifications_signing_key: Option<SecretString>,
    /// The form of messages.
    #[arg(long, env = "NOTIFICATIONS_FORMAT", value_enum, default_value_t = NotificationFormat::Slack)]
    pub notifications_format: NotificationFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NotificationFormat {
    /// `{"text": …}`, as incoming webhooks of Slack and Mattermost take it.
    Slack,
    /// The text, and every notification as data.
    Json,
}

/// Where the backing services are, with the operator's own credentials.
#[derive(Debug, Clone, Args)]
pub struct ServiceSettings {
    /// Postgres URL of the operator's role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
    /// AMQP URL with user, password and virtual host.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_parser = secret)]
    pub amqp_url: SecretString,
    /// URL of RabbitMQ's management API with user and password.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", hide_env_values = true, value_parser = secret)]
    pub rabbitmq_management_url: SecretString,
    /// URL of Qdrant's gRPC port.
    #[arg(long, env = "QDRANT_URL")]
    pub qdrant_url: String,
    #[arg(long, env = "QDRANT_API_KEY", hide_env_values = true, value_parser = secret)]
    pub qdrant_api_key: SecretString,
}

/// What worker Jobs are made of.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    #[arg(
        long,
        env = "WORKER_IMAGE",
        default_value = "docker.io/threads-agent/worker:dev"
    )]
    pub worker_image: String,
    #[arg(long, env = "WORKER_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    pub worker_image_pull_policy: String,
    /// Worker Pods of the whole install at the same time; absent means no limit.
    #[arg(long, env = "MAX_WORKER_PODS", value_parser = clap::value_parser!(i32).range(1..))]
    pub max_worker_pods: Option<i32>,
    /// Receiver of traces over OTLP (gRPC) that workers send to as the operator does; absent or empty means no traces.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub traces_endpoint: Option<String>,
}

#[allow(clippy::unnecessary_wraps)]
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn secrets_of_the_command_line_do_not_show_in_debug_output() {
        let words = [
            "operator",
            "run",
            "--database-url",
            "postgres://canary",
            "--amqp-url",
            "amqp://canary",
            "--rabbitmq-management-url",
            "http://canary",
            "--qdrant-url",
            "http://qdrant:6334",
            "--qdrant-api-key",
            "canary",
        ];
        let shown = format!("{:?}", Cli::parse_from(words));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
