//! The k3d engine: the same install on k3s in Docker, with Postgres, RabbitMQ, Qdrant and MinIO from their official
//! images.

use crate::{
    api, deploy, exec,
    model::Endpoint,
    native::{self, build, services, services::Passwords},
    paths::{self, Instance},
    progress::{Step, Steps},
};
use anyhow::{Context, Result};
use std::{fs, process::Command};

/// Name of the cluster, as k3d/k3d.yaml gives it.
const CLUSTER: &str = "threads-agent";
const SERVICES: &str = include_str!("../../k3d/k3d/services.yaml");
/// Images that are built here: name and stage of k3d/Dockerfile.
const IMAGES: [&str; 3] = ["operator", "worker", "llm-dev"];
/// The one that no post needs.
const LATER_IMAGE: &str = "api";

/// Whether Docker answers and k3d is installed.
pub fn is_available() -> bool {
    exec::on_path("k3d") && exec::succeeds(Command::new("docker").args(["info"]))
}

/// Whether the instance is one that this engine made.
pub fn made(instance: &Instance) -> bool {
    instance.run.join("k3d").exists()
}

/// A cluster with the chart and the examples.
pub fn up(instance: &Instance, endpoint: Option<&Endpoint>, steps: &Steps) -> Result<()> {
    fs::write(instance.run.join("k3d"), "")?;
    steps.run("kubectl and helm", "run the same command again", |step| {
        build::CLUSTER.ensure_some(&["kubectl", "helm"], step)
    })?;
    steps.run("images", "mend what the compiler says", |step| {
        IMAGES.iter().try_for_each(|name| build(name, step))
    })?;
    steps.run("k3d cluster", "cargo xtask down, then up again", |step| {
        cluster(instance, step)
    })?;
    steps.run(
        "backing services",
        "kubectl -n threads-system describe pods",
        |step| backing_services(instance, step),
    )?;
    steps.run("chart", "cargo xtask logs operator", |step| {
        deploy::release(instance, &image_ids(&IMAGES)?, None, step)
    })?;
    steps.run("examples", "cargo xtask logs operator", |step| {
        deploy::examples(instance, endpoint, step)
    })?;
    steps.run("api", api::MEND, |step| {
        build(LATER_IMAGE, step)?;
        exec::logged(
            Command::new("k3d").args([
                "image",
                "import",
                "--cluster",
                CLUSTER,
                &image(LATER_IMAGE),
            ]),
            &step.log,
        )?;
        let api = image_ids(&[LATER_IMAGE])?;
        deploy::release(instance, &image_ids(&IMAGES)?, Some(&api), step)
    })
}

/// Removes the cluster with everything in it.
pub fn down(instance: &Instance, step: &Step) -> Result<()> {
    exec::logged(
        Command::new("k3d").args(["cluster", "delete", CLUSTER]),
        &step.log,
    )?;
    Ok(fs::remove_dir_all(&instance.run)?)
}

fn image(name: &str) -> String {
    format!("docker.io/threads-agent/{name}:dev")
}

fn build(name: &str, step: &Step) -> Result<()> {
    step.say(&format!("building {name}"));
    exec::logged(
        Command::new("docker")
            .current_dir(paths::project())
            .env("DOCKER_BUILDKIT", "1")
            .args([
                "build",
                "--file",
                "k3d/Dockerfile",
                "--target",
                name,
                "--tag",
            ])
            .args([&image(name), "."]),
        &step.log,
    )
}

/// What the images hold, so that a Pod is replaced when one of them changes.
fn image_ids(names: &[&str]) -> Result<String> {
    let ids = names.iter().map(|name| {
        exec::output(Command::new("docker").args([
            "image",
            "inspect",
            "--format",
            "{{.Id}}",
            &image(name),
        ]))
        .map(|id| {
            id.trim()
                .trim_start_matches("sha256:")
                .chars()
                .take(16)
                .collect::<String>()
        })
    });
    Ok(ids.collect::<Result<Vec<_>>>()?.join("-"))
}

fn cluster(instance: &Instance, step: &Step) -> Result<()> {
    let k3d = |arguments: &[&str]| {
        let mut command = Command::new("k3d");
        command.current_dir(paths::project()).args(arguments);
        command
    };
    if exec::succeeds(&mut k3d(&["cluster", "get", CLUSTER])) {
        exec::logged(&mut k3d(&["cluster", "start", CLUSTER]), &step.log)?;
    } else {
        exec::logged(
            &mut k3d(&["cluster", "create", "--config", "k3d/k3d.yaml"]),
            &step.log,
        )?;
    }
    let kubeconfig = exec::output(&mut k3d(&["kubeconfig", "get", CLUSTER]))?;
    native::pki::write_private(&instance.kubeconfig(), &kubeconfig)?;
    step.say("importing images");
    exec::logged(
        k3d(&["image", "import", "--cluster", CLUSTER]).args(IMAGES.map(image)),
        &step.log,
    )
}

fn backing_services(instance: &Instance, step: &Step) -> Result<()> {
    let passwords = Passwords::of(instance)?;
    let setup = services::setup_sql(&passwords).replace('\n', "\n    ");
    let secret = format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: backing-services, namespace: {}}}\nstringData:\n  postgres: \"{}\"\n  rabbitmq: \"{}\"\n  qdrant: \"{}\"\n  setup.sql: |\n    {setup}\n---\n",
        deploy::NAMESPACE,
        passwords.superuser,
        passwords.rabbitmq,
        passwords.qdrant
    );
    let manifests = deploy::credentials(instance)? + &secret + SERVICES;
    native::apply(instance, &manifests, &step.log)?;
    for name in ["postgres", "rabbitmq", "qdrant", "llm", "minio"] {
        step.say(&format!("waiting for {name}"));
        exec::logged(
            native::kubectl(instance)
                .args([
                    "-n",
                    deploy::NAMESPACE,
                    "rollout",
                    "status",
                    "--timeout=300s",
                ])
                .arg(format!("statefulset/{name}")),
            &step.log,
        )
        .with_context(|| format!("{name} did not become ready"))?;
    }
    Ok(())
}
