//! What runs, and where its logs are.

use crate::{
    api, exec, k3d,
    native::{self, build, kubectl},
    paths::Instance,
    process,
};
use anyhow::Result;
use std::fs;

pub fn status(instance: &Instance) -> Result<()> {
    let pieces = process::pieces(instance);
    if pieces.is_empty() && !k3d::made(instance) {
        println!("Nothing runs. `cargo xtask up` starts everything.");
        return Ok(());
    }
    println!(
        "Instance {} · Kubernetes {} · {}",
        instance.name,
        build::KUBERNETES,
        instance.run.display()
    );
    let mut table = comfy_table::Table::new();
    table.set_header(["piece", "state", "process", "log"]);
    for piece in &pieces {
        let (state, id) = match process::recorded(instance, piece) {
            Some(id) => ("runs", id.to_string()),
            None => ("has ended", String::new()),
        };
        table.add_row([
            piece.as_str(),
            state,
            &id,
            &process::log_of(instance, piece).display().to_string(),
        ]);
    }
    if !pieces.is_empty() {
        println!("{table}\n");
    }
    for arguments in [["get", "pods", "-A"], ["get", "threads", "-A"]] {
        match exec::output(kubectl(instance).args(arguments)) {
            Ok(text) => println!("{text}"),
            Err(error) => println!("kubectl {}: {error:#}\n", arguments.join(" ")),
        }
    }
    if api::image(instance).is_some() {
        println!("{}", api::HOW_TO_REACH);
    }
    Ok(())
}

/// The log of a process of the instance, else that of the operator's Pod.
pub fn logs(instance: &Instance, piece: Option<&str>) -> Result<()> {
    let Some(piece) = piece else {
        println!(
            "Pieces with a log: operator, api, {}",
            process::pieces(instance).join(", ")
        );
        if let Ok(entries) = fs::read_dir(&instance.logs) {
            let mut names: Vec<String> = entries
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            names.sort();
            println!("Files in {}: {}", instance.logs.display(), names.join(", "));
        }
        return Ok(());
    };
    let workload = match piece {
        "operator" => Some("deployment/threads-agent".to_owned()),
        "api" => Some("deployment/threads-agent-api".to_owned()),
        _ if k3d::made(instance) => Some(format!("statefulset/{piece}")),
        _ => None,
    };
    if let Some(workload) = workload {
        let text = exec::output(native::kubectl(instance).args([
            "-n",
            "threads-system",
            "logs",
            &workload,
            "--tail=200",
        ]))?;
        print!("{text}");
        return Ok(());
    }
    let log = process::log_of(instance, piece);
    anyhow::ensure!(
        log.exists(),
        "there is no log {}; `cargo xtask logs` lists what there is",
        log.display()
    );
    println!("{}:\n{}", log.display(), exec::tail(&log));
    Ok(())
}
