//! The operator: makes RabbitMQ, Postgres, Qdrant and Jobs match the resources of threads-agent.io.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    telemetry::init_logs();
    operator::run(operator::cli::Cli::parse()).await
}
