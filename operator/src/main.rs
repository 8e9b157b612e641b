//! The operator: makes RabbitMQ, Postgres, Qdrant and Jobs match the resources of threads-agent.io.

use clap::Parser;
use operator::cli::Cli;
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Runtime::new()?;
    let traces = {
        let _inside = runtime.enter();
        telemetry::init("threads-agent-operator")
    };
    let ended = runtime.block_on(operator::run(Cli::parse()));
    traces.end();
    ended
}
