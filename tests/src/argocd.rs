//! Argo CD's own application controller and repo server as processes beside the cluster, over a Git repository of the test's own.

use crate::Cluster;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Namespace of Argo CD's own objects.
pub const NAMESPACE: &str = "argocd";
/// The program, one file that does what it is named; set by `cargo xtask test`.
const PROGRAM: &str = "TEST_ARGOCD";
/// Folder with the definitions of Application and AppProject.
const DEFINITIONS: &str = "TEST_ARGOCD_CRDS";
/// What is generated for argocd-cm; a user applies the same file.
const PATCH: &str = include_str!("../../examples/argocd/argocd-cm.yaml");

/// Argo CD while a test runs; its processes end with it.
pub struct ArgoCd {
    processes: Vec<Child>,
    folder: PathBuf,
}

impl ArgoCd {
    /// Starts it, or none where its program was not announced.
    ///
    /// # Errors
    /// A process does not start, or the API server refuses what Argo CD needs.
    pub async fn start(cluster: &Cluster, folder: &Path) -> Result<Option<Self>> {
        let (Ok(program), Ok(definitions)) = (std::env::var(PROGRAM), std::env::var(DEFINITIONS))
        else {
            eprintln!("skipped: no Argo CD; `cargo xtask test` builds it");
            return Ok(None);
        };
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        objects(cluster, Path::new(&definitions)).await?;
        let mut argo = Self {
            processes: Vec::new(),
            folder: folder.to_owned(),
        };
        let [redis, server, server_metrics, controller_metrics] = free_ports()?;
        let redis_at = format!("127.0.0.1:{redis}");
        let mut store = Command::new("redis-server");
        store.args([
            "--port",
            &redis.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        argo.spawn("redis", store)?;
        let mut repositories = argo.named(&program, "argocd-repo-server")?;
        repositories
            .args([
                "--disable-tls",
                "--redis",
                &redis_at,
                "--address",
                "127.0.0.1",
            ])
            .args(["--port", &server.to_string()])
            .args(["--metrics-port", &server_metrics.to_string()]);
        argo.spawn("repo-server", repositories)?;
        let mut controller = argo.named(&program, "argocd-application-controller")?;
        controller
            .args(["--repo-server", &format!("127.0.0.1:{server}")])
            .args(["--repo-server-plaintext", "--redis", &redis_at])
            .args(["--namespace", NAMESPACE, "--kubeconfig"])
            .arg(std::env::var("KUBECONFIG").context("KUBECONFIG")?)
            .args(["--metrics-port", &controller_metrics.to_string()])
            .args(["--self-heal-timeout-seconds", "1"])
            // Else the health of single resources stands in Redis alone.
            .arg("--persist-resource-health");
        argo.spawn("application-controller", controller)?;
        Ok(Some(argo))
    }

    /// The program under one of its names.
    fn named(&self, program: &str, name: &str) -> Result<Command> {
        let link = self.folder.join(name);
        symlink(program, &link)?;
        let mut command = Command::new(link);
        let at = |part: &str| self.folder.join(part);
        for part in ["tls", "ssh", "gpg", "tmp"] {
            fs::create_dir_all(at(part))?;
        }
        command
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_TLS_DATA_PATH", at("tls"))
            .env("ARGOCD_SSH_DATA_PATH", at("ssh"))
            .env("ARGOCD_GPG_DATA_PATH", at("gpg"))
            .env("TMPDIR", at("tmp"))
            .env("HOME", &self.folder);
        Ok(command)
    }

    fn spawn(&mut self, name: &str, mut command: Command) -> Result<()> {
        let log = fs::File::create(self.log(name))?;
        let child = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.processes.push(child);
        Ok(())
    }

    /// Where a process writes.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }
}

impl Drop for ArgoCd {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Ports that nobody listens on now.
fn free_ports() -> Result<[u16; 4]> {
    let listeners: Vec<TcpListener> = (0..4)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<std::io::Result<_>>()?;
    let mut ports = [0; 4];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// What Argo CD's installation would have made.
async fn objects(cluster: &Cluster, definitions: &Path) -> Result<()> {
    for file in ["application-crd.yaml", "appproject-crd.yaml"] {
        let text = fs::read_to_string(definitions.join(file)).with_context(|| file.to_owned())?;
        cluster.apply(None, &yaml(&text)?).await?;
    }
    cluster.namespace(NAMESPACE).await?;
    let labels = json!({ "app.kubernetes.io/part-of": "argocd" });
    let mut objects = vec![yaml(PATCH)?];
    for name in [
        "argocd-cmd-params-cm",
        "argocd-rbac-cm",
        "argocd-gpg-keys-cm",
    ] {
        objects.push(json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "labels": labels } }));
    }
    objects.push(
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "argocd-secret", "labels": labels },
            "stringData": { "server.secretkey": "of-this-test-alone" } }),
    );
    for object in objects {
        cluster.apply(Some(NAMESPACE), &object).await?;
    }
    let project = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": { "name": "default" },
        "spec": { "sourceRepos": ["*"], "destinations": [{ "namespace": "*", "server": "*" }],
            "clusterResourceWhitelist": [{ "group": "*", "kind": "*" }] } });
    // The definition is served a moment after it was made.
    cluster
        .eventually("AppProjects are known", async || {
            Ok(cluster.apply(Some(NAMESPACE), &project).await.ok())
        })
        .await
        .map(drop)
}

fn yaml(text: &str) -> Result<Value> {
    serde_saphyr::from_str(text).context("a manifest of Argo CD")
}

/// A Git repository with a file a manifest.
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// # Errors
    /// Git is missing.
    pub fn new(folder: PathBuf) -> Result<Self> {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repository)
    }

    /// Its address for Argo CD.
    #[must_use]
    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// Writes a manifest as a file of its name, or removes it.
    ///
    /// # Errors
    /// The file system.
    pub fn set(&self, name: &str, manifest: Option<&Value>) -> Result<()> {
        let file = self.folder.join(format!("{name}.json"));
        match manifest {
            Some(manifest) => fs::write(file, format!("{manifest:#}"))?,
            None => fs::remove_file(file)?,
        }
        Ok(())
    }

    /// # Errors
    /// Git refuses.
    pub fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        let who = ["-c", "user.name=e2e", "-c", "user.email=e2e@example.com"];
        self.git(&[&who[..], &["commit", "--quiet", "--message", message]].concat())
    }

    fn git(&self, arguments: &[&str]) -> Result<()> {
        let done = Command::new("git")
            .current_dir(&self.folder)
            .args(arguments)
            .output()
            .context("starting git")?;
        ensure!(
            done.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }
}
