//! Ending an instance: processes, pods, mounts, namespaces, cgroups, state. Only what is this instance's own.

use super::{cgroups, netns, outside};
use crate::{exec, paths::Instance, process, progress::Step};
use anyhow::Result;
use std::{fs, path::Path, process::Command, time::Duration};

/// Order matters: what makes pods goes first, what holds them last.
const FIRST: [&str; 4] = ["kubelet", "proxy", "scheduler", "controller-manager"];

pub fn remove(instance: &Instance, step: &Step) -> Result<()> {
    for piece in FIRST {
        process::stop(instance, piece, Duration::from_secs(5));
    }
    step.say("ending pods");
    let namespaces = end_pods(instance);
    step.say("ending services");
    let rest: Vec<String> = process::pieces(instance);
    for piece in rest.iter().filter(|piece| *piece != "etcd") {
        process::stop(instance, piece, Duration::from_secs(8));
    }
    process::stop(instance, "etcd", Duration::from_secs(5));
    end_everything_inside(instance);
    step.say("removing mounts, namespaces and state");
    unmount(instance);
    for namespace in namespaces {
        exec::succeeds(Command::new("ip").args(["netns", "del", &namespace]));
    }
    outside::close(instance);
    netns::remove(instance);
    step.wait_until("the cgroups", Duration::from_secs(10), || {
        cgroups::remove(instance);
        !cgroups::exist(instance)
    })?;
    step.wait_until("the state folder", Duration::from_secs(10), || {
        unmount(instance);
        fs::remove_dir_all(&instance.run).is_ok() || !instance.run.exists()
    })
}

/// Kills the processes of the pods; answers the network namespaces that are theirs. Both are found without the container
/// runtime, which may be the piece that is broken.
fn end_pods(instance: &Instance) -> Vec<String> {
    let namespaces = fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("cni-") && is_of_a_pod(instance, name))
        .collect();
    for id in cgroups::processes(instance) {
        exec::succeeds(Command::new("kill").args(["-KILL", &id]));
    }
    namespaces
}

/// Whether an address inside is one that this instance gives to pods.
fn is_of_a_pod(instance: &Instance, namespace: &str) -> bool {
    exec::output(Command::new("nsenter").args([
        &format!("--net=/run/netns/{namespace}"),
        "ip",
        "-4",
        "-brief",
        "addr",
    ]))
    .is_ok_and(|shown| shown.contains(&format!(" {}.", instance.pod_prefix())))
}

/// Whatever still runs inside the instance's network namespace or from its state folder, shims included.
fn end_everything_inside(instance: &Instance) {
    let inside = exec::output(Command::new("ip").args(["netns", "pids", &instance.namespace()]))
        .unwrap_or_default();
    let run = instance.run.to_string_lossy().into_owned();
    let shims = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            (line.starts_with("/usr/bin/containerd-shim") && line.contains(&run))
                .then(|| id.to_string())
        });
    for id in inside.split_whitespace().map(str::to_owned).chain(shims) {
        exec::succeeds(Command::new("kill").args(["-KILL", &id]));
    }
}

fn unmount(instance: &Instance) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mut own: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|target| Path::new(target).starts_with(&instance.run))
        .collect();
    own.sort_by_key(|target| std::cmp::Reverse(target.len()));
    for target in own {
        if !exec::succeeds(Command::new("umount").arg(target)) {
            exec::succeeds(Command::new("umount").args(["-l", target]));
        }
    }
}
