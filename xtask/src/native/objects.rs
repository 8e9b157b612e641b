//! MinIO as a private instance inside the network namespace: where exports are kept. No post needs it.

use super::{
    build,
    services::{INSTALL, Passwords},
};
use crate::{
    exec,
    paths::Instance,
    process,
    progress::{Step, Steps},
};
use anyhow::{Context, Result};
use std::{fs, process::Command, time::Duration};

pub const PORT: u16 = 9000;
pub const REGION: &str = "us-east-1";
/// Bucket of the API's exports.
pub const BUCKET: &str = "threads-exports";
/// Bucket of the tests, which leave what they like in it.
pub const TEST_BUCKET: &str = "threads-tests";

/// Builds MinIO where it is not built yet, starts it, and makes its buckets.
pub fn ensure(instance: &Instance, steps: &Steps) -> Result<()> {
    steps.run(
        "object store binary",
        "run the same command again: it goes on where it stopped",
        |step| build::OBJECT_STORE.ensure(step),
    )?;
    steps.run("object store", "cargo xtask logs minio", |step| {
        start(instance, step)
    })
}

/// Address under which this machine and the Pods reach it.
pub fn address(instance: &Instance) -> String {
    format!("http://{}:{PORT}", instance.node_address())
}

pub fn start(instance: &Instance, step: &Step) -> Result<()> {
    let data = instance.run.join("minio");
    fs::create_dir_all(&data)?;
    let secret = Passwords::of(instance)?.objects;
    let mut server = process::inside(instance, build::OBJECT_STORE.bin().join("minio"));
    server
        .args(["server", "--quiet", "--address"])
        .arg(format!("{}:{PORT}", instance.node_address()))
        .arg(&data)
        .env("HOME", &data)
        .env("MINIO_ROOT_USER", INSTALL)
        .env("MINIO_ROOT_PASSWORD", secret)
        .env("MINIO_BROWSER", "off")
        .env("MINIO_UPDATE", "off")
        .env("MINIO_REGION", REGION);
    process::ensure(instance, "minio", &mut server)?;
    let health = format!("{}/minio/health/live", address(instance));
    step.wait_until("MinIO", Duration::from_secs(60), || {
        exec::succeeds(Command::new("curl").args(["-sf", "--max-time", "2", &health]))
    })?;
    step.wait_until("the buckets", Duration::from_secs(30), || {
        [BUCKET, TEST_BUCKET]
            .iter()
            .all(|bucket| make_bucket(instance, bucket).is_ok())
    })
}

/// A bucket of our own that exists already is no error in MinIO's first region, and an answer 409 elsewhere.
fn make_bucket(instance: &Instance, bucket: &str) -> Result<()> {
    let secret = Passwords::of(instance)?.objects;
    // The secret comes by a file: arguments are everybody's to read.
    let file = instance.run.join("minio.curl");
    super::pki::write_private(&file, &format!("user = \"{INSTALL}:{secret}\"\n"))?;
    let answer = exec::output(
        Command::new("curl")
            .args([
                "-sS",
                "--max-time",
                "5",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-X",
                "PUT",
            ])
            .arg("--config")
            .arg(&file)
            .args(["--aws-sigv4", &format!("aws:amz:{REGION}:s3")])
            .arg(format!("{}/{bucket}", address(instance))),
    );
    let _ = fs::remove_file(&file);
    match answer?.trim() {
        "200" | "409" => Ok(()),
        other => Err(anyhow::anyhow!("MinIO answered {other}"))
            .with_context(|| format!("making the bucket {bucket}")),
    }
}
