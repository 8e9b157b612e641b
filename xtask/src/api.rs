//! The REST API of a cluster: its image and Pod, which come after the posts, and its keys.

use crate::{
    deploy::{self, NAMESPACE},
    exec,
    native::{self, kubectl},
    paths::Instance,
    progress::{Step, Steps},
};
use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

/// Secret with the pepper of the keys.
pub const SECRET: &str = "threads-api";
pub const MEND: &str = "kubectl -n threads-system describe pods; kubectl -n threads-system logs deployment/threads-agent-api";
/// Port of the node on which the API of a local cluster answers.
pub const NODE_PORT: u16 = 30_080;
/// The same for achievements and webhooks.
pub const ACHIEVEMENTS_NODE_PORT: u16 = 30_090;
pub const HOW_TO_REACH: &str =
    "kubectl -n threads-system port-forward service/threads-agent-api 8080:8080 &
export THREADS_KEY=\"$(cargo xtask api-key)\"
curl -H \"Authorization: Bearer $THREADS_KEY\" http://127.0.0.1:8080/content/posts";
const DEPLOYMENT: &str = "deployment/threads-agent-api";
const IMAGE: &str = "docker.io/threads-agent/api:dev";

#[derive(Args)]
pub struct KeyOptions {
    /// Kubernetes namespace that the key is bound to.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Who or what uses it.
    #[arg(long, default_value = "development")]
    name: String,
    /// What it may do, separated by commas; everything where absent.
    #[arg(
        long,
        default_value = "posts:read,posts:write,outcomes:write,experiments:read,experiments:write,achievements:read,achievements:write"
    )]
    verbs: String,
}

/// Brings the API's Pod up, on a native cluster that stands.
pub fn ensure(instance: &Instance, steps: &Steps) -> Result<()> {
    steps.run("api", MEND, |step| chart(instance, step))
}

fn chart(instance: &Instance, step: &Step) -> Result<()> {
    let programs = deploy::import(instance, &["operator", "worker"], step)?;
    let api = deploy::import(instance, &["api"], step)?;
    deploy::release(instance, &programs, Some(&api), step)
}

/// What the image of the API that stands holds; none where none stands.
pub fn image(instance: &Instance) -> Option<String> {
    let path = r"jsonpath={.spec.template.metadata.annotations.threads-agent\.io/images}";
    exec::output(kubectl(instance).args(["-n", NAMESPACE, "get", DEPLOYMENT, "-o", path]))
        .ok()
        .map(|image| image.trim().to_owned())
        .filter(|image| !image.is_empty())
}

/// Makes a key in a Pod of the API's image and prints it. The API's own Pod cannot: its database login makes no keys.
pub fn make_key(instance: &Instance, options: &KeyOptions) -> Result<()> {
    let log = instance.logs.join("api-key.log");
    let pod = format!("api-key-{}", std::process::id());
    native::apply(instance, &key_pod(&pod, options), &log)?;
    let ended = exec::output(kubectl(instance).args([
        "-n",
        NAMESPACE,
        "wait",
        "--for=jsonpath={.status.phase}=Succeeded",
        &format!("pod/{pod}"),
        "--timeout=60s",
    ]));
    let text = exec::output(kubectl(instance).args(["-n", NAMESPACE, "logs", &pod]));
    // The key stands in its log.
    let gone = exec::output(kubectl(instance).args([
        "-n",
        NAMESPACE,
        "delete",
        "pod",
        &pod,
        "--wait=false",
    ]));
    let text = text?;
    ended.with_context(|| format!("the key was not made: {}", text.trim()))?;
    gone?;
    for line in text.lines() {
        if line.starts_with("ta_") {
            println!("{line}");
        } else {
            eprintln!("{line}");
        }
    }
    Ok(())
}

fn key_pod(name: &str, options: &KeyOptions) -> String {
    let secret = |variable: &str, secret: &str, key: &str| json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "api", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
                "command": ["/api", "keys", "create", "--namespace", options.namespace, "--name", options.name, "--verbs", options.verbs],
                "env": [secret("KEYS_DATABASE_URL", "threads-postgres", "operator-dsn"), secret("API_KEY_PEPPER", SECRET, "pepper")],
                "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}
            }]
        }
    })
    .to_string()
}
