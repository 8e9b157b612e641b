//! The operator: makes RabbitMQ, Postgres, Qdrant and Jobs match the resources of threads-agent.io.

use clap::Parser;
use operator::cli::Cli;
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    telemetry::init_logs();
    Runtime::new()?.block_on(operator::run(Cli::parse()))
}
