//! The REST API: posts and what became of them, experiments and their figures.

use api::cli::Cli;
use clap::Parser;

fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    telemetry::run("threads-agent-api", api::run(Cli::parse()))?
}
