//! `cargo xtask`: everything that a person does with the project from a clone.

mod api;
mod argocd;
mod audience;
mod bench;
mod chart;
mod cli;
mod demo_webhook;
mod deploy;
mod exec;
mod forward;
mod gates;
mod generate;
mod images;
mod k3d;
mod model;
mod monitoring;
mod native;
mod oci;
mod paths;
mod posts;
mod process;
mod progress;
mod status;
mod supply_chain;
mod tally;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
