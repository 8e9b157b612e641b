//! The development stand-ins: Qdrant's contract over Qdrant's own engine, a model that answers offline, and for
//! tests the part of GitHub that a backfill reads.

use super::{build, services::Passwords};
use crate::{exec, images, paths, paths::Instance, process, progress::Step};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::{fs, net::TcpStream, path::PathBuf, time::Duration};

const QDRANT_PORT: u16 = 6334;
const MODEL_PORT: u16 = 8000;
pub const GITHUB_PORT: u16 = 8001;

pub fn start_qdrant(instance: &Instance, step: &Step) -> Result<()> {
    let python = python(step)?;
    Passwords::of(instance)?;
    let data = instance.run.join("qdrant");
    fs::create_dir_all(&data)?;
    let mut server = process::inside(instance, python.join("bin/python"));
    server
        .arg(paths::project().join("k3d/standins/qdrant-dev"))
        .args([
            "--host",
            &instance.node_address(),
            "--port",
            &QDRANT_PORT.to_string(),
            "--data",
        ])
        .arg(&data)
        .arg("--api-key-file")
        .arg(instance.run.join("qdrant.password"));
    process::ensure(instance, "qdrant", &mut server)?;
    wait_for_port(instance, step, "the Qdrant stand-in", QDRANT_PORT)
}

pub fn start_model(instance: &Instance, step: &Step) -> Result<()> {
    start(instance, "llm", "llm-dev", MODEL_PORT)?;
    wait_for_port(instance, step, "the stand-in model", MODEL_PORT)
}

/// Empty: tests fill it through its routes under `/control`.
pub fn start_github(instance: &Instance, step: &Step) -> Result<()> {
    start(instance, "github", "github-dev", GITHUB_PORT)?;
    wait_for_port(instance, step, "the stand-in of GitHub", GITHUB_PORT)
}

fn start(instance: &Instance, piece: &str, binary: &str, port: u16) -> Result<()> {
    // Run from a copy: the next build must be able to replace the file.
    let program = instance.run.join(binary);
    if !process::is_running(instance, piece) {
        fs::copy(images::binary(binary), &program)
            .with_context(|| format!("the stand-in {binary} was not built"))?;
    }
    let address = format!("{}:{port}", instance.node_address());
    process::ensure(
        instance,
        piece,
        process::inside(instance, &program).args(["--listen", &address]),
    )
    .map(drop)
}

fn wait_for_port(instance: &Instance, step: &Step, what: &str, port: u16) -> Result<()> {
    let address = format!("{}:{port}", instance.node_address())
        .parse()
        .context("address")?;
    step.wait_until(what, Duration::from_secs(60), || {
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    })
}

/// The Python environment of the stand-in, named by what is installed in it; made anew where it is half made.
fn python(step: &Step) -> Result<PathBuf> {
    let requirements = paths::project().join("k3d/standins/qdrant-dev/requirements.txt");
    let text = fs::read_to_string(&requirements)
        .with_context(|| format!("reading {}", requirements.display()))?;
    let hash: String = Sha256::digest(&text)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = paths::home()?.join("python").join(format!("qdrant-{hash}"));
    if !folder.join("complete").exists() {
        step.say("installing Qdrant's engine");
        let _ = fs::remove_dir_all(&folder);
        build::virtual_environment(&folder, &["-r", &requirements.to_string_lossy()], &step.log)?;
        fs::write(folder.join("complete"), "")?;
    }
    exec::output(std::process::Command::new(folder.join("bin/python")).arg("--version"))?;
    Ok(folder)
}
