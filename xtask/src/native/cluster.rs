//! A native cluster step by step: each step looks first whether it is done.

use super::{build, control_plane, dns, netns, node, outside, packages, pki, services, standins};
use crate::{
    deploy, images, oci,
    paths::{self, Instance},
    progress::{Step, Steps},
};
use anyhow::{Result, bail};

const REPEAT: &str = "run the same command again: it goes on where it stopped";

/// A cluster with the chart installed, without examples; its Pods reach addresses outside only where asked for.
pub fn ensure(instance: &Instance, open: bool, steps: &Steps) -> Result<()> {
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
    // The images compile while Kubernetes builds and starts: either has stretches in which it uses one core alone.
    std::thread::scope(|scope| {
        let images = scope.spawn(|| {
            steps.run(
                "operator and worker",
                "mend what the compiler says",
                images::build_binaries,
            )
        });
        let cluster =
            kubernetes(instance, open, steps).and_then(|()| backing_services(instance, steps));
        let images = images
            .join()
            .unwrap_or_else(|_| bail!("the build of the images panicked"));
        cluster.and(images)
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

fn kubernetes(instance: &Instance, open: bool, steps: &Steps) -> Result<()> {
    steps.run("kubernetes binaries", REPEAT, |step| {
        build::CLUSTER.ensure(step)
    })?;
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
            let archive = oci::archive(&image, &paths::home()?.join("images"))?;
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
    )
}

fn backing_services(instance: &Instance, steps: &Steps) -> Result<()> {
    steps.run("postgres", "cargo xtask logs postgres", |step| {
        services::start_postgres(instance, step)
    })?;
    steps.run("rabbitmq", "cargo xtask logs rabbitmq", |step| {
        services::start_rabbitmq(instance, step)
    })?;
    steps.run("qdrant stand-in", "cargo xtask logs qdrant", |step| {
        standins::start_qdrant(instance, step)
    })
}
