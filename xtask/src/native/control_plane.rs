//! etcd, the API server, the controller manager and the scheduler.

use super::{audit, build, kubectl};
use crate::{exec, paths::Instance, process, progress::Step};
use anyhow::Result;
use std::time::Duration;

const ETCD: &[&str] = &[
    "--data-dir=etcd",
    "--log-level=warn",
    "--listen-client-urls=http://127.0.0.1:2379",
    "--advertise-client-urls=http://127.0.0.1:2379",
    "--listen-peer-urls=http://127.0.0.1:2380",
];

const APISERVER: &[&str] = &[
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=6443",
    "--bind-address=0.0.0.0",
    "--tls-cert-file=pki/apiserver.crt",
    "--tls-private-key-file=pki/apiserver.key",
    "--client-ca-file=pki/ca.crt",
    "--service-account-key-file=pki/sa.pub",
    "--service-account-signing-key-file=pki/sa.key",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--kubelet-client-certificate=pki/kubelet-client.crt",
    "--kubelet-client-key=pki/kubelet-client.key",
    // Otherwise logs and exec would look the node's name up in DNS.
    "--kubelet-preferred-address-types=InternalIP",
];

const CONTROLLER_MANAGER: &[&str] = &[
    "--kubeconfig=controller-manager.kubeconfig",
    "--authentication-kubeconfig=controller-manager.kubeconfig",
    "--authorization-kubeconfig=controller-manager.kubeconfig",
    "--service-account-private-key-file=pki/sa.key",
    "--root-ca-file=pki/ca.crt",
    "--use-service-account-credentials",
    "--leader-elect=false",
    // By default the Job controller makes eight pods a second.
    "--kube-api-qps=200",
    "--kube-api-burst=400",
];

const SCHEDULER: &[&str] = &[
    "--kubeconfig=scheduler.kubeconfig",
    "--authentication-kubeconfig=scheduler.kubeconfig",
    "--authorization-kubeconfig=scheduler.kubeconfig",
    "--leader-elect=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
];

pub fn start(instance: &Instance, step: &Step) -> Result<()> {
    start_etcd(instance)?;
    start_apiserver(instance, step)?;
    for (name, arguments) in [
        ("controller-manager", CONTROLLER_MANAGER),
        ("scheduler", SCHEDULER),
    ] {
        let program = build::bin().join(format!("kube-{name}"));
        process::ensure(
            instance,
            name,
            process::inside(instance, program).args(arguments),
        )?;
    }
    Ok(())
}

fn start_etcd(instance: &Instance) -> Result<()> {
    let mut etcd = process::inside(instance, build::bin().join("etcd"));
    etcd.args(ETCD);
    if instance.name == "test" {
        // A cluster that lives for one test run may lose its last writes when the machine does.
        etcd.arg("--unsafe-no-fsync");
    }
    process::ensure(instance, "etcd", &mut etcd)?;
    Ok(())
}

fn start_apiserver(instance: &Instance, step: &Step) -> Result<()> {
    let mut apiserver = process::inside(instance, build::bin().join("kube-apiserver"));
    apiserver
        .args(APISERVER)
        .arg(format!("--advertise-address={}", instance.node_address()));
    if instance.name == "test" {
        apiserver.args(audit::arguments(instance)?);
    }
    process::ensure(instance, "apiserver", &mut apiserver)?;
    step.wait_until("the API server", Duration::from_secs(60), || {
        exec::succeeds(kubectl(instance).args(["get", "--raw", "/readyz", "--request-timeout=2s"]))
    })
}
