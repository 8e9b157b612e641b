//! The worker's process: settings, signals, and an exit code.

use clap::Parser;
use std::process::ExitCode;
use worker::{cli::Settings, run};

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only where a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings::parse();
    telemetry::init_logs();
    run::run(&settings).await.into()
}
