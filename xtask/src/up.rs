//! `up` and `down`: the steps in their order.

use crate::{
    cli::Engine,
    deploy, images, k3d, model,
    model::Endpoint,
    native::{
        self, build, control_plane, dns, netns, node, outside, packages, pki, services, standins,
        teardown,
    },
    paths::{self, Instance},
    posts, process,
    progress::{Step, Steps},
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
    #[command(flatten)]
    model: model::Options,
}

/// Everything, from a bare machine to printed posts.
pub fn up(instance: &Instance, options: &Options) -> Result<()> {
    let endpoint = Endpoint::of(&options.model, instance)?;
    instance.create_folders()?;
    let steps = Steps::new(instance.logs.clone());
    match engine(instance, options)? {
        Engine::Native => native_cluster(instance, endpoint.as_ref(), &steps)?,
        Engine::K3d => k3d::up(instance, endpoint.as_ref(), &steps)?,
    }
    println!();
    if let Some(endpoint) = &endpoint {
        println!("{}\n", endpoint.notice());
    }
    posts::print(instance, "default", "launch-week")?;
    println!(
        "\nReady after {}. Try next:\n  eval \"$(cargo xtask env)\"\n  kubectl get threads -A\n  kubectl describe contentjob launch-week\n  cargo xtask posts ops-lessons\n  cargo xtask down",
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

fn native_cluster(instance: &Instance, endpoint: Option<&Endpoint>, steps: &Steps) -> Result<()> {
    let outside = endpoint.is_some_and(|endpoint| endpoint.outside);
    cluster(instance, outside, steps)?;
    steps.run(
        "examples",
        "cargo xtask logs operator tells what it waits for",
        |step| deploy::examples(instance, endpoint, step),
    )
}

/// A native cluster with the chart installed, without examples; its Pods reach addresses outside only where asked for.
pub fn cluster(instance: &Instance, open: bool, steps: &Steps) -> Result<()> {
    if !packages::is_root() {
        bail!(
            "the native engine makes network namespaces and mounts, which needs root; run it as root in a machine of its own"
        );
    }
    instance.create_folders()?;
    steps.run(
        "debian packages",
        "run the line that it names",
        packages::ensure,
    )?;
    build_everything(steps)?;
    steps.run("network", REPEAT, |step| {
        netns::ensure(instance, step)?;
        if open {
            return outside::open(instance, step);
        }
        outside::close(instance);
        Ok(())
    })?;
    steps.run("certificates", REPEAT, |_: &Step| pki::ensure(instance))?;
    steps.run(
        "control plane",
        "cargo xtask logs apiserver; then cargo xtask down && cargo xtask up",
        |step| control_plane::start(instance, step),
    )?;
    steps.run("container runtime", "cargo xtask logs containerd", |step| {
        node::start_runtime(instance, step)?;
        for image in images::of_cluster(step)? {
            let archive = images::archive(&image, &paths::home()?.join("images"))?;
            node::import(instance, &archive.path, &archive.digest, step)?;
        }
        Ok(())
    })?;
    steps.run("node", "cargo xtask logs kubelet", |step| {
        node::start_kubelet(instance, step)
    })?;
    steps.run(
        "cluster dns",
        "kubectl -n kube-system describe pods",
        |step| dns::deploy(instance, open, step),
    )?;
    steps.run("postgres", "cargo xtask logs postgres", |step| {
        services::start_postgres(instance, step)
    })?;
    steps.run("rabbitmq", "cargo xtask logs rabbitmq", |step| {
        services::start_rabbitmq(instance, step)
    })?;
    steps.run("qdrant stand-in", "cargo xtask logs qdrant", |step| {
        standins::start_qdrant(instance, step)
    })?;
    steps.run("model stand-in", "cargo xtask logs llm", |step| {
        standins::start_model(instance, step)
    })?;
    steps.run(
        "chart",
        "kubectl -n threads-system describe pods; cargo xtask logs operator",
        |step| {
            deploy::prerequisites(instance, step)?;
            deploy::chart(instance, step)
        },
    )
}

/// The two long builds side by side: each has stretches in which it uses one core alone.
fn build_everything(steps: &Steps) -> Result<()> {
    std::thread::scope(|scope| {
        let kubernetes = scope.spawn(|| steps.run("kubernetes binaries", REPEAT, build::ensure));
        let images = steps.run(
            "operator and worker",
            "mend what the compiler says",
            images::build_binaries,
        );
        let kubernetes = kubernetes
            .join()
            .unwrap_or_else(|_| bail!("the build of Kubernetes panicked"));
        kubernetes.and(images)
    })
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
            "qdrant" => native::standins::start_qdrant(instance, step),
            "llm" => native::standins::start_model(instance, step),
            other => bail!("`{other}` cannot be restarted; postgres, rabbitmq, qdrant and llm can"),
        }
    })
}
