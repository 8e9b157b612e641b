//! The REST API: posts and what became of them, experiments and their figures.

use api::cli::Cli;
use clap::Parser;
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    telemetry::use_small_pages();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Runtime::new()?;
    let traces = {
        let _inside = runtime.enter();
        telemetry::init("threads-agent-api")
    };
    let ended = runtime.block_on(api::run(Cli::parse()));
    traces.end();
    ended
}
