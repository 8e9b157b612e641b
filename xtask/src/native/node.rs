//! containerd with the pods' network, the kubelet and kube-proxy.

use super::{build, cgroups, kubectl};
use crate::{exec, paths::Instance, process, progress::Step};
use anyhow::Result;
use std::{fs, path::Path, process::Command, time::Duration};

/// Image whose only process holds a pod's namespaces.
pub const PAUSE_IMAGE: &str = "docker.io/threads-agent/pause:1";

/// `ctr` against the instance's containerd.
pub fn ctr(instance: &Instance) -> Command {
    let mut command = Command::new("ctr");
    command
        .arg("-a")
        .arg(instance.run.join("containerd.sock"))
        .args(["-n", "k8s.io"]);
    command
}

pub fn start_runtime(instance: &Instance, step: &Step) -> Result<()> {
    let run = instance.run.display();
    fs::create_dir_all(instance.run.join("cni"))?;
    fs::write(
        instance.run.join("containerd.toml"),
        format!(
            r#"version = 2
root = "{run}/containerd"
state = "{run}/containerd-state"
[grpc]
  address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{run}/cni"
"#
        ),
    )?;
    fs::write(
        instance.run.join("cni/10-pods.conflist"),
        format!(
            r#"{{"cniVersion":"0.4.0","name":"pods","plugins":[
 {{"type":"bridge","bridge":"pods0","isGateway":true,"ipMasq":true,"hairpinMode":true,
  "ipam":{{"type":"host-local","dataDir":"{run}/ipam","ranges":[[{{"subnet":"{}.0/24"}}]],"routes":[{{"dst":"0.0.0.0/0"}}]}}}},
 {{"type":"portmap","capabilities":{{"portMappings":true}}}}]}}
"#,
            instance.pod_prefix()
        ),
    )?;
    process::ensure(
        instance,
        "containerd",
        process::inside(instance, "containerd").args(["-c", "containerd.toml"]),
    )?;
    step.wait_until("containerd", Duration::from_secs(30), || {
        exec::succeeds(ctr(instance).arg("version"))
    })
}

/// Imports an image archive unless the very same was imported before.
pub fn import(instance: &Instance, archive: &Path, digest: &str, step: &Step) -> Result<()> {
    let marker = instance.run.join(format!(
        "imported-{}",
        archive.file_stem().unwrap_or_default().to_string_lossy()
    ));
    if fs::read_to_string(&marker).is_ok_and(|imported| imported == digest) {
        return Ok(());
    }
    exec::logged(
        ctr(instance).args(["image", "import"]).arg(archive),
        &step.log,
    )?;
    fs::write(marker, digest)?;
    Ok(())
}

/// The kubelet and kube-proxy; ready when the API server says that the node is.
pub fn start_kubelet(instance: &Instance, step: &Step) -> Result<()> {
    cgroups::ensure(instance);
    fs::write(
        instance.run.join("kubelet.yaml"),
        kubelet_settings(instance),
    )?;
    fs::write(instance.run.join("proxy.yaml"), proxy_settings(instance))?;
    let (run, name) = (instance.run.display(), &instance.name);
    let bin = build::bin();
    process::ensure(
        instance,
        "kubelet",
        process::inside(instance, bin.join("kubelet")).args([
            "--config=kubelet.yaml".to_owned(),
            "--kubeconfig=node.kubeconfig".to_owned(),
            format!("--hostname-override={name}"),
            format!("--node-ip={}", instance.node_address()),
            format!("--root-dir={run}/kubelet"),
            format!("--cert-dir={run}/kubelet/pki"),
        ]),
    )?;
    process::ensure(
        instance,
        "proxy",
        process::inside(instance, bin.join("kube-proxy")).arg("--config=proxy.yaml"),
    )?;
    step.wait_until("the node", Duration::from_secs(90), || {
        let line = exec::output(kubectl(instance).args([
            "get",
            "node",
            name,
            "--no-headers",
            "--request-timeout=2s",
        ]));
        line.is_ok_and(|line| line.contains(" Ready"))
    })
}

fn kubelet_settings(instance: &Instance) -> String {
    let run = instance.run.display();
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {run}/pki/ca.crt}}}}
authorization: {{mode: Webhook}}
tlsCertFile: {run}/pki/node.crt
tlsPrivateKeyFile: {run}/pki/node.key
containerRuntimeEndpoint: unix://{run}/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /{}
failCgroupV1: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
failSwapOn: false
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
imageGCHighThresholdPercent: 100
registryPullQPS: 0
serializeImagePulls: false
",
        instance.namespace()
    )
}

fn proxy_settings(instance: &Instance) -> String {
    format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {{kubeconfig: {}/proxy.kubeconfig}}
mode: nftables
clusterCIDR: {}.0/24
hostnameOverride: {}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
",
        instance.run.display(),
        instance.pod_prefix(),
        instance.name
    )
}
