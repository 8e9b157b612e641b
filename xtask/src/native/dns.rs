//! CoreDNS as a Deployment with the Service that the kubelet tells every pod of.

use super::{apply, kubectl};
use crate::{exec, paths::Instance, progress::Step};
use anyhow::Result;

/// Image that holds CoreDNS.
pub const IMAGE: &str = "docker.io/threads-agent/coredns:1";
const MANIFEST: &str = include_str!("../../../k3d/native/coredns.yaml");

pub fn deploy(instance: &Instance, step: &Step) -> Result<()> {
    apply(instance, MANIFEST, &step.log)?;
    step.say("waiting for cluster DNS");
    exec::logged(
        kubectl(instance).args([
            "-n",
            "kube-system",
            "rollout",
            "status",
            "deployment/coredns",
            "--timeout=90s",
        ]),
        &step.log,
    )
}
