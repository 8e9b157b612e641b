//! A real Prometheus beside the cluster: it scrapes the product's Pods through the API server, and has the chart's rules loaded.

use crate::Cluster;
use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use reqwest::Client;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Of Debian's package, which `cargo xtask test` installs.
const PROGRAM: &str = "/usr/bin/prometheus";
const RULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../chart/monitoring/rules.yaml"
);

/// Prometheus while a test runs; the process ends with it.
pub struct Prometheus {
    process: Child,
    http: Client,
    base: String,
    log: PathBuf,
}

impl Prometheus {
    /// Starts it, or none where it is not installed.
    ///
    /// # Errors
    /// It does not start, or the kubeconfig is of another form than ours.
    pub async fn start(cluster: &Cluster, folder: &Path) -> Result<Option<Self>> {
        if !Path::new(PROGRAM).exists() {
            eprintln!("skipped: no Prometheus; `cargo xtask test` installs it");
            return Ok(None);
        }
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        let file = folder.join("prometheus.json");
        fs::write(&file, configuration(cluster, folder).await?.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = folder.join("prometheus.log");
        let output = fs::File::create(&log)?;
        let process = Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("starting Prometheus")?;
        Ok(Some(Self {
            process,
            http: Client::new(),
            base: format!("http://127.0.0.1:{port}/api/v1"),
            log,
        }))
    }

    /// The result of an expression now.
    ///
    /// # Errors
    /// Prometheus refuses it, or does not answer.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let answer = self.get("query", &[("query", expression)]).await?;
        Ok(answer["result"].as_array().cloned().unwrap_or_default())
    }

    /// `data` of an answer of its API.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let url = url::Url::parse_with_params(&format!("{}/{path}", self.base), parameters)?;
        let mut answer: Value = self.http.get(url).send().await?.json().await?;
        if answer["status"] != "success" {
            bail!("{}: {}", answer["errorType"], answer["error"]);
        }
        Ok(answer["data"].take())
    }

    /// What it wrote, for whoever asks why.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Debian's Prometheus has no discovery of Kubernetes: the Pods are named, by what a PodMonitor of the chart chooses.
async fn configuration(cluster: &Cluster, folder: &Path) -> Result<Value> {
    let path = std::env::var("KUBECONFIG").context("KUBECONFIG")?;
    let given = Kubeconfig::read_from(&path)?;
    let config = kube::Config::from_custom_kubeconfig(given, &KubeConfigOptions::default()).await?;
    let tls = credentials(folder, &config)?;
    let server = config.cluster_url.authority().context("a server")?;
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let chosen = ListParams::default().labels("app.kubernetes.io/part-of=threads-agent");
    let mut targets = Vec::new();
    for pod in pods.list(&chosen).await? {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        for port in health_ports(&pod) {
            let proxy = format!("/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics");
            targets.push(json!({ "targets": [server.as_str()],
                "labels": { "__metrics_path__": proxy, "namespace": namespace, "pod": name } }));
        }
    }
    ensure!(targets.len() > 1, "operator and API run: {targets:?}");
    Ok(json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": [RULES],
        "scrape_configs": [{ "job_name": "threads-agent", "scheme": "https", "tls_config": tls, "static_configs": targets }],
    }))
}

fn health_ports(pod: &Pod) -> Vec<i32> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .filter(|port| port.name.as_deref() == Some("health"))
        .map(|port| port.container_port)
        .collect()
}

/// Certificate and key, which a kubeconfig holds as files or in itself.
fn credentials(folder: &Path, config: &kube::Config) -> Result<Value> {
    let auth = &config.auth_info;
    let file = |name: &str, path: Option<&String>, data: Option<&str>| -> Result<PathBuf> {
        if let Some(path) = path {
            return Ok(PathBuf::from(path));
        }
        let data = data.with_context(|| format!("the kubeconfig holds no {name}"))?;
        let made = folder.join(name);
        fs::write(&made, BASE64.decode(data)?)?;
        Ok(made)
    };
    let certificate = auth.client_certificate_data.as_deref();
    let key = auth
        .client_key_data
        .as_ref()
        .map(ExposeSecret::expose_secret);
    Ok(json!({
        "insecure_skip_verify": true,
        "cert_file": file("client.crt", auth.client_certificate.as_ref(), certificate)?,
        "key_file": file("client.key", auth.client_key.as_ref(), key)?,
    }))
}
