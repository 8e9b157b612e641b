//! Settings of the process, each a flag and an environment variable.

use crate::{exports::ObjectStoreSettings, key::Verb};
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;
use std::{convert::Infallible, net::SocketAddr};

#[derive(Debug, Parser)]
#[command(name = "api", about = "The REST API of threads-agent.io", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the API until it is asked to end.
    Serve(ServeSettings),
    /// Makes, lists and revokes API keys.
    #[command(subcommand)]
    Keys(KeyCommand),
    /// Prints the OpenAPI document of the routes.
    Openapi,
}

#[derive(Debug, Clone, Args)]
pub struct ServeSettings {
    /// Where the API is served.
    #[arg(long, env = "HTTP_ADDR", default_value = "0.0.0.0:8080")]
    pub http_addr: SocketAddr,
    /// Where achievements and webhooks are served.
    #[arg(long, env = "ACHIEVEMENTS_LISTEN", default_value = "0.0.0.0:8090")]
    pub achievements_listen: SocketAddr,
    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "HEALTH_ADDR", default_value = "0.0.0.0:8081")]
    pub health_addr: SocketAddr,
    /// Postgres URL of the API's role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
    #[command(flatten)]
    pub pepper: PepperSettings,
    #[command(flatten)]
    pub object_store: ObjectStoreSettings,
}

#[derive(Debug, Clone, Args)]
pub struct PepperSettings {
    /// What API keys are hashed with beside themselves; whoever changes it ends all keys.
    #[arg(long, env = "API_KEY_PEPPER", hide_env_values = true, value_parser = secret)]
    pub api_key_pepper: SecretString,
}

#[derive(Debug, Clone, Args)]
pub struct KeyStoreSettings {
    /// Postgres URL of the operator's role: the API's own role makes no keys.
    #[arg(long, env = "KEYS_DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub keys_database_url: SecretString,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes a key and prints it, once: it is not kept.
    Create(CreateKey),
    /// Ends a key at once.
    Revoke(RevokeKey),
    /// Shows keys, without what is secret of them.
    List(ListKeys),
}

#[derive(Debug, Clone, Args)]
pub struct CreateKey {
    /// Kubernetes namespace that the key is bound to.
    #[arg(long)]
    pub namespace: String,
    /// Who or what uses it.
    #[arg(long)]
    pub name: String,
    /// What it may do, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    pub verbs: Vec<Verb>,
    /// When it ends, for example 2027-01-31T00:00:00Z; absent means never.
    #[arg(long)]
    pub expires: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub pepper: PepperSettings,
    #[command(flatten)]
    pub store: KeyStoreSettings,
}

#[derive(Debug, Clone, Args)]
pub struct RevokeKey {
    /// The readable part, as `list` shows it; or the whole key.
    pub id: String,
    #[command(flatten)]
    pub store: KeyStoreSettings,
}

#[derive(Debug, Clone, Args)]
pub struct ListKeys {
    /// Of one namespace only.
    #[arg(long)]
    pub namespace: Option<String>,
    #[command(flatten)]
    pub store: KeyStoreSettings,
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
            "api",
            "serve",
            "--database-url",
            "postgres://canary",
            "--api-key-pepper",
            "canary",
            "--object-store-secret-access-key",
            "canary",
        ];
        let shown = format!("{:?}", Cli::parse_from(words));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
