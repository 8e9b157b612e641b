//! A real Kubernetes as plain processes in a network namespace: no Docker, no virtual machine.

pub mod audit;
pub mod build;
pub mod cgroups;
pub mod cluster;
pub mod control_plane;
pub mod dns;
pub mod netns;
pub mod node;
pub mod objects;
pub mod outside;
pub mod packages;
pub mod pki;
pub mod services;
pub mod standins;
pub mod teardown;
pub mod traces;

use crate::{exec, paths::Instance};
use std::{path::Path, process::Command};

/// `kubectl` against an instance, as its administrator.
pub fn kubectl(instance: &Instance) -> Command {
    let mut command = Command::new(build::bin().join("kubectl"));
    command.env("KUBECONFIG", instance.kubeconfig());
    command
}

/// Applies manifests given as text.
pub fn apply(instance: &Instance, manifests: &str, log: &Path) -> anyhow::Result<()> {
    let file = instance.run.join("apply.yaml");
    // Manifests hold passwords: nobody else reads them, and they do not stay.
    pki::write_private(&file, manifests)?;
    let applied = exec::logged(
        kubectl(instance)
            .args(["apply", "--server-side", "--force-conflicts", "-f"])
            .arg(&file),
        log,
    );
    let _ = std::fs::remove_file(&file);
    applied
}
