//! The operator: makes RabbitMQ, Postgres, Qdrant and Jobs match the resources of threads-agent.io.

use clap::Parser;
use operator::cli::Cli;

fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    telemetry::run("threads-agent-operator", operator::run(Cli::parse()))?
}
