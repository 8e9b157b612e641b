//! One certificate authority an instance, its certificates, and the kubeconfigs that name them.

use crate::paths::Instance;
use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Who has a client certificate: file name, common name, organisation.
const CLIENTS: [(&str, &str, &str); 5] = [
    ("admin", "admin", "system:masters"),
    ("kubelet-client", "apiserver-kubelet", "system:masters"),
    ("controller-manager", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("proxy", "system:kube-proxy", ""),
];
const CLUSTER_IP: &str = "10.96.0.1";

/// Makes what is not there. The marker is written last, so that an interrupted run starts over.
pub fn ensure(instance: &Instance) -> Result<()> {
    let folder = instance.run.join("pki");
    let marker = folder.join("complete");
    if marker.exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(
        DnType::CommonName,
        format!("threads-agent {} CA", instance.name),
    );
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    write(&folder, "ca.crt", &ca.self_signed(&ca_key)?.pem())?;
    let issuer = Issuer::new(ca, ca_key);

    let node = instance.node_address();
    let server_names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "127.0.0.1",
        CLUSTER_IP,
        &node,
    ];
    let server = [ExtendedKeyUsagePurpose::ServerAuth];
    let client = [ExtendedKeyUsagePurpose::ClientAuth];
    let both = [
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
    ];
    certificate(
        &folder,
        &issuer,
        "apiserver",
        "kube-apiserver",
        "",
        &server_names,
        &server,
    )?;
    for (file, name, organisation) in CLIENTS {
        certificate(&folder, &issuer, file, name, organisation, &[], &client)?;
    }
    let node_names = [instance.name.as_str(), &node, "127.0.0.1"];
    certificate(
        &folder,
        &issuer,
        "node",
        &format!("system:node:{}", instance.name),
        "system:nodes",
        &node_names,
        &both,
    )?;

    let accounts = KeyPair::generate()?;
    write(&folder, "sa.key", &accounts.serialize_pem())?;
    write(&folder, "sa.pub", &accounts.public_key_pem())?;
    for user in ["admin", "controller-manager", "scheduler", "node", "proxy"] {
        kubeconfig(instance, user)?;
    }
    fs::write(marker, "")?;
    Ok(())
}

fn certificate(
    folder: &Path,
    issuer: &Issuer<'_, KeyPair>,
    file: &str,
    common_name: &str,
    organisation: &str,
    names: &[&str],
    usages: &[ExtendedKeyUsagePurpose],
) -> Result<()> {
    let mut params = CertificateParams::new(
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    )?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    if !organisation.is_empty() {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usages.to_vec();
    let key = KeyPair::generate()?;
    write(
        folder,
        &format!("{file}.crt"),
        &params.signed_by(&key, issuer)?.pem(),
    )?;
    write(folder, &format!("{file}.key"), &key.serialize_pem())
}

fn kubeconfig(instance: &Instance, user: &str) -> Result<()> {
    let pki = instance.run.join("pki");
    let (pki, name, node) = (pki.display(), &instance.name, instance.node_address());
    let text = format!(
        "apiVersion: v1
kind: Config
clusters: [{{name: threads-{name}, cluster: {{server: \"https://{node}:6443\", certificate-authority: {pki}/ca.crt}}}}]
users: [{{name: {user}, user: {{client-certificate: {pki}/{user}.crt, client-key: {pki}/{user}.key}}}}]
contexts: [{{name: threads-{name}, context: {{cluster: threads-{name}, user: {user}}}}}]
current-context: threads-{name}
"
    );
    write(&instance.run, &format!("{user}.kubeconfig"), &text)
}

fn write(folder: &Path, file: &str, text: &str) -> Result<()> {
    write_private(&folder.join(file), text)
}

/// Writes a file that only its owner reads.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let _ = fs::remove_file(path);
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
