//! The commands and what they call.

use crate::{
    api, audience, bench, demo_webhook, deploy, gates, generate, paths::Instance, posts, status,
    supply_chain, up,
};
use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Sets the project up, runs it and tests it."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds and starts everything, applies examples/, waits for the posts and prints them.
    Up(up::Options),
    /// Stops what `up` started and removes its traces; what was built stays in the cache.
    Down,
    /// Says what runs and what the cluster holds.
    Status,
    /// Prints what a shell needs: KUBECONFIG, and a PATH with kubectl and helm.
    Env,
    /// Prints the posts of a ContentJob.
    Posts {
        /// Name of the ContentJob.
        job: String,
        /// Namespace of the ContentJob.
        #[arg(short, long, default_value = "default")]
        namespace: String,
    },
    /// Development only: publishes an Experiment's posts and sends what an invented audience did with them.
    SimulateAudience(audience::Options),
    /// Development only: sends what GitHub sends when a pull request is merged, signed with the secret of an AchievementSource.
    DemoWebhook(demo_webhook::Options),
    /// Makes a key of the REST API and prints it.
    ApiKey(api::KeyOptions),
    /// Shows the log of a piece, for example `apiserver`, `postgres`, `operator`; without a name, which there are.
    Logs { piece: Option<String> },
    /// Runs every gate and every test, on a cluster of its own beside the one that `up` left running.
    Test(gates::Options),
    /// Writes bills of materials (CycloneDX) of the programs that go into images into target/sbom.
    Sbom,
    /// Writes what is generated: definitions, dashboards, alerts, golden renderings, and the references in docs/.
    Gen {
        /// Only says whether something is stale.
        #[arg(long)]
        check: bool,
    },
    /// Runs benchmarks with a peer in the same run; without a name, says which there are.
    Bench {
        name: Option<String>,
        /// Parameters of the benchmark, after `--`: `experiments` takes `--runs` and `--only`.
        #[arg(last = true)]
        parameters: Vec<String>,
    },
    /// For tests: stops and starts one backing service of an instance.
    #[command(hide = true)]
    Restart { instance: String, piece: String },
}

/// Which kind of cluster is made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Kubernetes' own components as processes in a network namespace; needs root, and no Docker.
    Native,
    /// k3d on Docker.
    K3d,
}

pub fn run() -> Result<ExitCode> {
    let dev = Instance::dev()?;
    match Cli::parse().command {
        Command::Up(options) => {
            let _alone = dev.lock()?;
            up::up(&dev, &options)?;
        }
        Command::Down => {
            let _alone = dev.lock()?;
            up::down(&dev)?;
        }
        Command::Status => status::status(&dev)?,
        Command::Env => println!("{}", deploy::shell_environment(&dev)),
        Command::Posts { job, namespace } => posts::print(&dev, &namespace, &job)?,
        Command::SimulateAudience(options) => audience::simulate(&dev, &options)?,
        Command::DemoWebhook(options) => demo_webhook::send(&dev, &options)?,
        Command::ApiKey(options) => api::make_key(&dev, &options)?,
        Command::Logs { piece } => status::logs(&dev, piece.as_deref())?,
        Command::Test(options) => return gates::test(&options),
        Command::Sbom => supply_chain::bills_of_materials()?,
        Command::Gen { check } => generate::generate(check)?,
        Command::Bench { name, parameters } => bench::run(name.as_deref(), &parameters)?,
        Command::Restart { instance, piece } => up::restart(&Instance::named(&instance)?, &piece)?,
    }
    Ok(ExitCode::SUCCESS)
}
