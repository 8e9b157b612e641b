//! The instance's network: a namespace, a pair of interfaces to the host, a bridge for the pods.

use crate::{exec, paths::Instance, process, progress::Step};
use anyhow::Result;
use std::{path::Path, process::Command};

/// Makes the namespace, or leaves a complete one alone; a half-made one is made anew.
pub fn ensure(instance: &Instance, step: &Step) -> Result<()> {
    if is_complete(instance) {
        return Ok(());
    }
    remove(instance);
    let (name, host, node) = (
        instance.namespace(),
        instance.host_address(),
        instance.node_address(),
    );
    let ip = |words: &str| exec::logged(Command::new("ip").args(words.split(' ')), &step.log);
    ip(&format!("netns add {name}"))?;
    ip(&format!(
        "link add {name} type veth peer name uplink netns {name}"
    ))?;
    ip(&format!("addr add {host}/30 dev {name}"))?;
    ip(&format!("link set {name} up"))?;
    let within = |words: &str| {
        let mut words = words.split(' ');
        let program = words.next().unwrap_or_default();
        exec::logged(process::inside(instance, program).args(words), &step.log)
    };
    within("ip link set lo up")?;
    within(&format!("ip addr add {node}/30 dev uplink"))?;
    within("ip link set uplink up")?;
    within(&format!("ip route add default via {host}"))?;
    within("sysctl -qw net.ipv4.ip_forward=1")?;
    within("ip link add pods0 type bridge")?;
    within(&format!(
        "ip addr add {}.1/24 dev pods0",
        instance.pod_prefix()
    ))?;
    within("ip link set pods0 up")?;
    // Absent where the kernel has the bridge filter built out; then it cannot be in the way either.
    let _ = within("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
    Ok(())
}

fn is_complete(instance: &Instance) -> bool {
    Path::new("/run/netns").join(instance.namespace()).exists()
        && exec::output(
            process::inside(instance, "ip").args(["-brief", "addr", "show", "dev", "pods0"]),
        )
        .is_ok_and(|shown| shown.contains(&format!("{}.1/24", instance.pod_prefix())))
        && exec::output(process::inside(instance, "ip").args(["route", "show", "default"]))
            .is_ok_and(|shown| shown.contains("via"))
}

/// Removes the namespace and the host's end of the pair.
pub fn remove(instance: &Instance) {
    exec::succeeds(Command::new("ip").args(["netns", "del", &instance.namespace()]));
    exec::succeeds(Command::new("ip").args(["link", "del", &instance.namespace()]));
}
