//! The instance's cgroup: one folder in each hierarchy of version 1, or one in the unified hierarchy.

use crate::paths::Instance;
use std::{
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = "/sys/fs/cgroup";

/// Makes the folders. The kubelet takes them as its root, so that two instances never touch each other's pods.
pub fn ensure(instance: &Instance) {
    // In the unified hierarchy the kubelet needs its controllers handed down from the root.
    for controller in ["cpu", "cpuset", "memory", "pids", "io"] {
        let _ = fs::write(
            Path::new(ROOT).join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
    for folder in folders(instance) {
        let _ = fs::create_dir(&folder);
    }
    // A new cpuset is empty, and nothing can run in an empty one.
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let parent = Path::new(ROOT).join("cpuset").join(file);
        if let Ok(all) = fs::read_to_string(parent) {
            let _ = fs::write(
                Path::new(ROOT)
                    .join("cpuset")
                    .join(instance.namespace())
                    .join(file),
                all.trim(),
            );
        }
    }
}

pub fn exist(instance: &Instance) -> bool {
    folders(instance).iter().any(|folder| folder.exists())
}

/// Ids of all processes in the instance's cgroup: those of its pods.
pub fn processes(instance: &Instance) -> Vec<String> {
    let mut ids = Vec::new();
    for folder in folders(instance) {
        collect(&folder, &mut ids);
    }
    ids.sort();
    ids.dedup();
    ids
}

fn collect(folder: &Path, ids: &mut Vec<String>) {
    let listed = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    ids.extend(listed.lines().map(str::to_owned));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), ids);
        }
    }
}

/// Removes the folders, innermost first; only empty ones go.
pub fn remove(instance: &Instance) {
    for folder in folders(instance) {
        remove_tree(&folder);
    }
}

fn folders(instance: &Instance) -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root.join(instance.namespace())];
    }
    let Ok(hierarchies) = fs::read_dir(root) else {
        return Vec::new();
    };
    hierarchies
        .flatten()
        .map(|hierarchy| hierarchy.path())
        .filter(|path| path.is_dir())
        .map(|path| path.join(instance.namespace()))
        .collect()
}

fn remove_tree(folder: &Path) {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}
