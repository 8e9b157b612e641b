//! The way out of the cluster, closed unless a real model needs it: address translation on the host and a DNS forwarder.

use crate::{exec, paths::Instance, progress::Step};
use anyhow::{Context, Result};
use std::{fs, process::Command};

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// Lets Pods reach addresses outside, by rules in a table of the instance's own name.
pub fn open(instance: &Instance, step: &Step) -> Result<()> {
    let before = instance.run.join("ip_forward.before");
    if !before.exists() {
        fs::write(&before, fs::read_to_string(FORWARDING)?)?;
    }
    fs::write(FORWARDING, "1")
        .context("this machine does not allow forwarding to be switched on")?;
    let (name, index) = (instance.namespace(), instance.index);
    let rules = instance.run.join("outside.nft");
    fs::write(
        &rules,
        format!(
            "table ip {name} {{}}\ndelete table ip {name}\ntable ip {name} {{\n  chain out {{\n    type nat hook postrouting priority srcnat\n    ip saddr 10.24{index}.0.0/16 oifname != \"{name}\" masquerade\n  }}\n}}\n"
        ),
    )?;
    exec::logged(Command::new("nft").arg("-f").arg(rules), &step.log)
}

/// Takes back what [`open`] did; nothing where it did nothing.
pub fn close(instance: &Instance) {
    let before = instance.run.join("ip_forward.before");
    let Ok(value) = fs::read_to_string(&before) else {
        return;
    };
    exec::succeeds(Command::new("nft").args(["delete", "table", "ip", &instance.namespace()]));
    let _ = fs::write(FORWARDING, value.trim());
    let _ = fs::remove_file(before);
}
