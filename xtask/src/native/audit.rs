//! The audit log of the tests' API server: what the release asked for, so that it can be compared with what it is granted.

use crate::paths::Instance;
use anyhow::Result;
use std::{fs, path::PathBuf};

const POLICY: &str = include_str!("../../../k3d/native/audit-policy.yaml");

/// One JSON document a line, as of audit.k8s.io/v1.
pub fn log(instance: &Instance) -> PathBuf {
    instance.run.join("audit.log")
}

/// Arguments of the API server.
pub fn arguments(instance: &Instance) -> Result<[&'static str; 4]> {
    fs::write(instance.run.join("audit-policy.yaml"), POLICY)?;
    Ok([
        "--audit-policy-file=audit-policy.yaml",
        "--audit-log-path=audit.log",
        "--audit-log-mode=blocking",
        // Whole, in one file.
        "--audit-log-maxsize=2000",
    ])
}
