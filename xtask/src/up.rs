//! `up` and `down`: the steps in their order.

use crate::{
    api,
    cli::Engine,
    deploy, k3d, model,
    model::Endpoint,
    native::{cluster, objects, services, standins, teardown, traces},
    paths::Instance,
    posts, process,
    progress::Steps,
};
use anyhow::{Result, bail};
use clap::Args;
use std::path::Path;

const REPEAT: &str = "run the same command again: it goes on where it stopped";

#[derive(Args)]
pub struct Options {
    /// The kind of cluster; by default k3d where Docker and k3d answer, else native.
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// Runs Jaeger beside the cluster and sends every trace to it; native engine only.
    #[arg(long)]
    traces: bool,
    #[command(flatten)]
    model: model::Options,
}

/// Everything, from a bare machine to printed posts.
pub fn up(instance: &Instance, options: &Options) -> Result<()> {
    let endpoint = Endpoint::of(&options.model, instance)?;
    instance.create_folders()?;
    let steps = Steps::new(instance.logs.clone());
    match engine(instance, options)? {
        Engine::Native => {
            native_cluster(instance, endpoint.as_ref(), options.traces, &steps)?;
        }
        Engine::K3d if options.traces => {
            bail!("--traces needs `--engine native`; in k3d, set the chart's tracing.endpoint")
        }
        Engine::K3d => k3d::up(instance, endpoint.as_ref(), &steps)?,
    }
    println!();
    if let Some(endpoint) = &endpoint {
        println!("{}\n", endpoint.notice());
    }
    posts::print(instance, "default", "launch-week")?;
    if options.traces {
        println!(
            "\nTraces of what is applied from now on: {}/api/traces?service=threads-agent-operator",
            traces::address(instance)
        );
    }
    println!(
        "\nReady after {}. Try next:\n  eval \"$(cargo xtask env)\"\n  kubectl get threads -A\n  kubectl describe contentjob launch-week\n  cargo xtask api-key\n  cargo xtask posts ops-lessons\n  cargo xtask down",
        steps.elapsed()
    );
    Ok(())
}

/// The engine that was asked for, else the one that the instance has, else k3d where it and Docker answer.
fn engine(instance: &Instance, options: &Options) -> Result<Engine> {
    let runs = if k3d::made(instance) {
        Some(Engine::K3d)
    } else {
        instance.kubeconfig().exists().then_some(Engine::Native)
    };
    match (options.engine, runs) {
        (Some(asked), Some(runs)) if asked != runs => {
            bail!("a cluster of the other engine runs; cargo xtask down ends it")
        }
        (Some(Engine::K3d), None) if !k3d::is_available() => {
            bail!(
                "k3d is not installed, or Docker does not answer; `--engine native` needs neither"
            )
        }
        (Some(engine), _) | (None, Some(engine)) => Ok(engine),
        (None, None) if k3d::is_available() => Ok(Engine::K3d),
        (None, None) => Ok(Engine::Native),
    }
}

fn native_cluster(
    instance: &Instance,
    endpoint: Option<&Endpoint>,
    with_traces: bool,
    steps: &Steps,
) -> Result<()> {
    let outside = endpoint.is_some_and(|endpoint| endpoint.outside);
    cluster::ensure(instance, outside, steps)?;
    steps.run(
        "examples",
        "cargo xtask logs operator tells what it waits for",
        |step| deploy::examples(instance, endpoint, step),
    )?;
    objects::ensure(instance, steps)?;
    if with_traces {
        traces::ensure(instance, steps)?;
    }
    api::ensure(instance, steps)
}

/// Removes an instance; one that does not run is no error.
pub fn down(instance: &Instance) -> Result<()> {
    if !instance.run.exists() && !Path::new("/run/netns").join(instance.namespace()).exists() {
        eprintln!("nothing runs");
        return Ok(());
    }
    std::fs::create_dir_all(&instance.logs)?;
    let steps = Steps::new(instance.logs.clone());
    steps.run("down", REPEAT, |step| match k3d::made(instance) {
        true => k3d::down(instance, step),
        false => teardown::remove(instance, step),
    })
}

/// Crashes a backing service and starts it again, data kept.
pub fn restart(instance: &Instance, piece: &str) -> Result<()> {
    let steps = Steps::new(instance.logs.clone());
    steps.run(&format!("restart {piece}"), "look at its log", |step| {
        process::crash(instance, piece);
        match piece {
            "postgres" => services::start_postgres(instance, step),
            "rabbitmq" => services::start_rabbitmq(instance, step),
            "qdrant" => standins::start_qdrant(instance, step),
            "llm" => standins::start_model(instance, step),
            "minio" => objects::start(instance, step),
            other => {
                bail!(
                    "`{other}` cannot be restarted; postgres, rabbitmq, qdrant, llm and minio can"
                )
            }
        }
    })
}
