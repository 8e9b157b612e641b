//! The worker's process: settings, signals, and an exit code. Without a word it writes posts; `analyse` analyses achievements,
//! `backfill` reads what a source's repositories hold.

// The types of nested futures of clients and servers go deeper than the default.
#![recursion_limit = "512"]

use clap::Parser;
use std::{io, process::ExitCode};
use worker::{
    analyse, backfill,
    cli::Settings,
    run::{self, Outcome},
};

fn main() -> io::Result<ExitCode> {
    // Fails only where a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(telemetry::run("threads-agent-worker", work())?.into())
}

async fn work() -> Outcome {
    let mut arguments = std::env::args_os().peekable();
    let program = arguments.next();
    if arguments.next_if(|it| it == "analyse").is_some() {
        let settings = analyse::cli::Settings::parse_from(program.into_iter().chain(arguments));
        return analyse::run::run(&settings).await;
    }
    if arguments.next_if(|it| it == "backfill").is_some() {
        let settings = backfill::cli::Settings::parse_from(program.into_iter().chain(arguments));
        return backfill::run::run(&settings).await;
    }
    run::run(&Settings::parse()).await
}
