//! CoreDNS as a Deployment with the Service that the kubelet tells every pod of.

use super::{apply, kubectl};
use crate::{exec, paths::Instance, progress::Step};
use anyhow::Result;

/// Image that holds CoreDNS.
pub const IMAGE: &str = "docker.io/threads-agent/coredns:1";
const MANIFEST: &str = include_str!("../../../k3d/native/coredns.yaml");

/// With `outside`, names that are not the cluster's are asked of the machine's own resolvers; else they do not exist.
pub fn deploy(instance: &Instance, outside: bool, step: &Step) -> Result<()> {
    apply(instance, &manifest(outside), &step.log)?;
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

const CLOSED: &str = "template ANY ANY {\n        rcode NXDOMAIN\n      }";

fn manifest(outside: bool) -> String {
    if !outside {
        return MANIFEST.to_owned();
    }
    MANIFEST
        .replace(CLOSED, "errors\n      forward . /etc/resolv.conf")
        // Another annotation is another Pod, which reads the changed file.
        .replace(
            "threads-agent.io/outside: closed",
            "threads-agent.io/outside: open",
        )
}

#[cfg(test)]
mod tests {
    use super::manifest;

    #[test]
    fn names_outside_are_forwarded_only_where_asked_for() {
        assert!(!manifest(false).contains("forward ."));
        let open = manifest(true);
        assert!(open.contains("forward . /etc/resolv.conf") && !open.contains("NXDOMAIN"));
        assert!(open.contains("threads-agent.io/outside: open"));
    }
}
