//! What Debian has to give: container runtime, network plugins, databases.

use crate::{exec, progress::Step};
use anyhow::{Result, bail};
use std::{fs, path::Path, process::Command};

/// A Debian package and a file by which its presence is known.
const PACKAGES: [(&str, &str); 12] = [
    ("containerd", "/usr/bin/containerd"),
    ("runc", "/usr/sbin/runc"),
    ("containernetworking-plugins", "/usr/lib/cni/bridge"),
    ("nftables", "/usr/sbin/nft"),
    ("conntrack", "/usr/sbin/conntrack"),
    ("iproute2", "/bin/ip"),
    ("procps", "/bin/kill"),
    ("curl", "/usr/bin/curl"),
    ("python3-venv", "/usr/share/doc/python3-venv"),
    ("postgresql", "/usr/share/doc/postgresql"),
    ("rabbitmq-server", "/usr/sbin/rabbitmq-server"),
    ("ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
];

/// What only tests need: Argo CD keeps what it saw in Redis, and follows Git; Prometheus tries rules and panels.
const FOR_TESTS: [(&str, &str); 3] = [
    ("redis-server", "/usr/bin/redis-server"),
    ("git", "/usr/bin/git"),
    ("prometheus", "/usr/bin/promtool"),
];

const POLICY: &str = "#!/bin/sh\n# Of cargo xtask, while it installs packages.\nexit 101\n";

/// Installs what is missing where this is root; says the one line to run where it is not.
pub fn ensure(step: &Step) -> Result<()> {
    if !Path::new("/usr/bin/cc").exists() {
        bail!("there is no C compiler to link with; run: apt-get install -y build-essential");
    }
    ensure_all(step, &PACKAGES)
}

/// The same for what tests need beside that.
pub fn for_tests(step: &Step) -> Result<()> {
    ensure_all(step, &FOR_TESTS)
}

fn ensure_all(step: &Step, packages: &[(&'static str, &str)]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(_, file)| !Path::new(file).exists())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        bail!(
            "packages are missing; run: sudo apt-get install -y {}",
            missing.join(" ")
        );
    }
    step.say(&format!("installing {}", missing.join(", ")));
    // The databases' own system services must not start: the instances run private ones.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    // One left by an interrupted run is ours too.
    let own_policy = fs::read_to_string(policy).map_or(true, |text| text == POLICY);
    if own_policy {
        fs::write(policy, POLICY)?;
        exec::output(Command::new("chmod").args(["755"]).arg(policy))?;
    }
    let installed = install(step, &missing);
    if own_policy {
        let _ = fs::remove_file(policy);
    }
    installed
}

fn install(step: &Step, missing: &[&str]) -> Result<()> {
    exec::logged(Command::new("apt-get").args(["update", "-q"]), &step.log)?;
    exec::logged(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(missing),
        &step.log,
    )
}

/// Whether this process may make network namespaces and mounts.
pub fn is_root() -> bool {
    exec::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
