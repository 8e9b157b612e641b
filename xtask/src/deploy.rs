//! What is installed into the cluster: the services' names, the Secrets, the chart, the examples.

use crate::{
    api, exec, images, k3d, model,
    model::Endpoint,
    native::{self, build, kubectl, objects, services, traces},
    oci,
    paths::{self, Instance},
    progress::Step,
};
use anyhow::Result;
use services::{INSTALL, Passwords};
use std::process::Command;

/// Namespace of the operator and of the backing services' names.
pub const NAMESPACE: &str = "threads-system";
pub const RELEASE: &str = "threads-agent";

const OBJECT_STORE_SECRET: &str = "threads-object-store";

/// Names and ports of the backing services.
const SERVICES: [(&str, &[(&str, u16)]); 5] = [
    ("postgres", &[("postgres", 5432)]),
    ("rabbitmq", &[("amqp", 5672), ("management", 15672)]),
    ("qdrant", &[("grpc", 6334)]),
    ("llm", &[("http", 8000)]),
    ("minio", &[("s3", objects::PORT)]),
];

/// What the chart needs: its namespace and Secrets, and a Service with an EndpointSlice for each backing service.
pub fn prerequisites(instance: &Instance, step: &Step) -> Result<()> {
    let mut manifests = credentials(instance)?;
    for (name, ports) in SERVICES {
        let service_ports: Vec<String> = ports
            .iter()
            .map(|(port, number)| format!("{{name: {port}, port: {number}}}"))
            .collect();
        let ports = service_ports.join(", ");
        let address = instance.node_address();
        manifests.push_str(&format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec: {{ports: [{ports}]}}
---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-node, namespace: {NAMESPACE}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4\nports: [{ports}]\nendpoints: [{{addresses: [{address}], conditions: {{ready: true}}}}]\n"
        ));
    }
    native::apply(instance, &manifests, &step.log)
}

/// The namespace and the Secrets that the chart refers to.
pub fn credentials(instance: &Instance) -> Result<String> {
    let mut manifests = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels: {{pod-security.kubernetes.io/enforce: restricted}}\n"
    );
    let passwords = Passwords::of(instance)?;
    let host = |service: &str| format!("{service}.{NAMESPACE}.svc.cluster.local");
    let secret = |name: &str, pairs: &[(&str, String)]| {
        let data: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("  {key}: \"{value}\"\n"))
            .collect();
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nstringData:\n{}",
            data.concat()
        )
    };
    let postgres = |role: &str, password: &str| {
        format!(
            "postgres://{INSTALL}_{role}:{password}@{}:5432/{INSTALL}",
            host("postgres")
        )
    };
    manifests.push_str(&secret(
        "threads-postgres",
        &[
            ("migrate-dsn", postgres("migrate", &passwords.migrate)),
            ("operator-dsn", postgres("operator", &passwords.operator)),
            ("api-dsn", postgres("api", &passwords.api)),
        ],
    ));
    manifests.push_str(&secret(
        api::SECRET,
        &[("pepper", passwords.pepper.clone())],
    ));
    manifests.push_str(&secret(
        "threads-rabbitmq",
        &[
            (
                "amqp-url",
                format!(
                    "amqp://{INSTALL}:{}@{}:5672/{INSTALL}",
                    passwords.rabbitmq,
                    host("rabbitmq")
                ),
            ),
            (
                "management-url",
                format!(
                    "http://{INSTALL}:{}@{}:15672",
                    passwords.rabbitmq,
                    host("rabbitmq")
                ),
            ),
        ],
    ));
    manifests.push_str(&secret(
        "threads-qdrant",
        &[
            ("url", format!("http://{}:6334", host("qdrant"))),
            ("api-key", passwords.qdrant.clone()),
        ],
    ));
    manifests.push_str(&secret(
        OBJECT_STORE_SECRET,
        &[
            ("access-key-id", INSTALL.to_owned()),
            ("secret-access-key", passwords.objects.clone()),
        ],
    ));
    Ok(manifests)
}

/// Imports the images of operator and worker and installs the chart; the Pod is replaced where an image changed. The API, which
/// no post needs, comes with [`api::chart`].
pub fn chart(instance: &Instance, step: &Step) -> Result<()> {
    let images = import(instance, &["operator", "worker"], step)?;
    release(instance, &images, None, step)
}

/// Imports images that were built; answers what they hold, in short.
pub fn import(instance: &Instance, programs: &[&str], step: &Step) -> Result<String> {
    let mut digests = Vec::new();
    for program in programs {
        let archive = oci::archive(&images::of_program(program), &paths::home()?.join("images"))?;
        native::node::import(instance, &archive.path, &archive.digest, step)?;
        digests.push(archive.digest[..16].to_owned());
    }
    Ok(digests.join("-"))
}

/// Installs the chart; `images` says what the images hold. Without `api_image` an API that stands stays as it is.
pub fn release(
    instance: &Instance,
    images: &str,
    api_image: Option<&str>,
    step: &Step,
) -> Result<()> {
    step.say("installing the chart");
    let mut command = helm(instance);
    command
        .args(["upgrade", "--install", RELEASE])
        .arg(paths::project().join("chart"))
        .args(["--namespace", NAMESPACE, "--wait", "--timeout", "180s"])
        .args([
            "--set-string",
            &format!("podAnnotations.threads-agent\\.io/images={images}"),
        ]);
    // Reachable from this machine without a port-forward.
    command.args([
        "--set",
        &format!(
            "api.service.type=NodePort,api.service.nodePort={},api.service.achievementsNodePort={}",
            api::NODE_PORT,
            api::ACHIEVEMENTS_NODE_PORT
        ),
    ]);
    command.args(["--set", &object_store(instance)]);
    if let Some(traces) = traces::values(instance) {
        command.args(["--set", &traces]);
    }
    match api_image
        .map(str::to_owned)
        .or_else(|| api::image(instance))
    {
        Some(image) => command.args([
            "--set-string",
            &format!("api.podAnnotations.threads-agent\\.io/images={image}"),
        ]),
        None => command.args(["--set", "api.enabled=false"]),
    };
    exec::logged(&mut command, &step.log)
}

/// Where exports are kept. Links of the k3d engine lead to a port-forward, the native engine's to the node.
fn object_store(instance: &Instance) -> String {
    let public = if k3d::made(instance) {
        format!("http://localhost:{}", objects::PORT)
    } else {
        objects::address(instance)
    };
    format!(
        "objectStore.endpoint=http://minio.{NAMESPACE}.svc.cluster.local:{},objectStore.publicEndpoint={public}",
        objects::PORT
    )
}

/// Applies the examples and waits until each of their jobs has come to its end.
pub fn examples(instance: &Instance, endpoint: Option<&Endpoint>, step: &Step) -> Result<()> {
    let manifests = model::examples(&build::bin().join("kubectl"), instance, endpoint)?;
    native::apply(instance, &manifests, &step.log)?;
    step.say("waiting for the jobs to finish");
    exec::logged(
        kubectl(instance).args([
            "wait",
            "-n",
            "default",
            "--for=condition=Finished",
            "contentjob",
            "--all",
            "--timeout=180s",
        ]),
        &step.log,
    )
}

/// `helm` against an instance, the one that was built.
pub fn helm(instance: &Instance) -> Command {
    let mut command = Command::new(build::bin().join("helm"));
    command.env("KUBECONFIG", instance.kubeconfig());
    command
}

/// Lines for `eval`: where the cluster is, and a PATH with the programs that were built.
pub fn shell_environment(instance: &Instance) -> String {
    format!(
        "export KUBECONFIG=\"{}\"\nexport PATH=\"{}:$PATH\"\n# The REST API:\n# {}",
        instance.kubeconfig().display(),
        build::bin().display(),
        api::HOW_TO_REACH.replace('\n', "\n# ")
    )
}
