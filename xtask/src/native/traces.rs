//! Jaeger as a private instance inside the network namespace: where traces are read. It keeps them in memory.

use super::build;
use crate::{
    exec,
    paths::Instance,
    process,
    progress::{Step, Steps},
};
use anyhow::Result;
use std::{process::Command, time::Duration};

const PIECE: &str = "jaeger";
const OTLP_PORT: u16 = 4317;
const QUERY_PORT: u16 = 16686;

/// Builds Jaeger where it is not built yet and starts it. The chart sends traces to it from the next release on.
pub fn ensure(instance: &Instance, steps: &Steps) -> Result<()> {
    steps.run(
        "jaeger binary",
        "run the same command again: it goes on where it stopped",
        |step| build::TRACES.ensure(step),
    )?;
    steps.run("jaeger", "cargo xtask logs jaeger", |step| {
        start(instance, step)
    })
}

/// Address under which traces are read.
pub fn address(instance: &Instance) -> String {
    format!("http://{}:{QUERY_PORT}", instance.node_address())
}

/// The chart's values where Jaeger runs: every trace is kept.
pub fn values(instance: &Instance) -> Option<String> {
    endpoint(instance)
        .map(|endpoint| format!("tracing.endpoint={endpoint},tracing.samplingRatio=1"))
}

/// Where it takes spans, where it runs.
pub fn endpoint(instance: &Instance) -> Option<String> {
    process::is_running(instance, PIECE)
        .then(|| format!("http://{}:{OTLP_PORT}", instance.node_address()))
}

fn start(instance: &Instance, step: &Step) -> Result<()> {
    let mut server = process::inside(instance, build::TRACES.bin().join("jaeger"));
    server
        .args(["--memory.max-traces=20000", "--log-level=warn"])
        .arg(format!(
            "--collector.otlp.grpc.host-port=0.0.0.0:{OTLP_PORT}"
        ))
        .arg(format!(
            "--query.http-server.host-port=0.0.0.0:{QUERY_PORT}"
        ));
    process::ensure(instance, PIECE, &mut server)?;
    let services = format!("{}/api/services", address(instance));
    step.wait_until("Jaeger", Duration::from_secs(60), || {
        exec::succeeds(Command::new("curl").args([
            "-sf",
            "--max-time",
            "2",
            "-o",
            "/dev/null",
            &services,
        ]))
    })
}
