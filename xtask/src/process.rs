//! Long-running processes of an instance: started inside its network namespace, remembered by id **and** start time, so that
//! a process id that was given to somebody else is never taken for ours.

use crate::paths::Instance;
use anyhow::{Context, Result};
use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A command inside the instance's network namespace. Never `ip netns exec`: it remounts /sys and hides the cgroups.
pub fn inside(instance: &Instance, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{}", instance.namespace()))
        .arg(program);
    command.current_dir(&instance.run);
    command
}

/// Starts a piece unless it runs already; answers whether it was started.
pub fn ensure(instance: &Instance, piece: &str, command: &mut Command) -> Result<bool> {
    if is_running(instance, piece) {
        return Ok(false);
    }
    let log = log_of(instance, piece);
    let file = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("opening {}", log.display()))?;
    // A process group of its own: an interrupted xtask does not take the cluster along.
    let child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {piece}"))?;
    let identity = format!(
        "{} {}",
        child.id(),
        start_time(child.id()).unwrap_or_default()
    );
    fs::write(pid_file(instance, piece), identity)?;
    Ok(true)
}

/// Whether the recorded process is alive and the one that was started.
pub fn is_running(instance: &Instance, piece: &str) -> bool {
    recorded(instance, piece).is_some()
}

/// Ends a piece, kindly first.
pub fn stop(instance: &Instance, piece: &str, patience: Duration) {
    if let Some(id) = recorded(instance, piece) {
        signal("TERM", id);
        let deadline = Instant::now() + patience;
        while recorded(instance, piece).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        if recorded(instance, piece).is_some() {
            signal("KILL", id);
        }
    }
    let _ = fs::remove_file(pid_file(instance, piece));
}

/// Names of all pieces that were started and not stopped.
pub fn pieces(instance: &Instance) -> Vec<String> {
    let Ok(entries) = fs::read_dir(&instance.run) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(".pid")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

pub fn log_of(instance: &Instance, piece: &str) -> PathBuf {
    instance.logs.join(format!("{piece}.log"))
}

/// The id of the recorded process where it is alive.
pub fn recorded(instance: &Instance, piece: &str) -> Option<u32> {
    let text = fs::read_to_string(pid_file(instance, piece)).ok()?;
    parse_identity(&text)
        .filter(|(id, started)| start_time(*id).as_deref() == Some(started))
        .map(|(id, _)| id)
}

fn parse_identity(text: &str) -> Option<(u32, &str)> {
    let (id, started) = text.trim().split_once(' ')?;
    Some((id.parse().ok()?, started))
}

fn pid_file(instance: &Instance, piece: &str) -> PathBuf {
    instance.run.join(format!("{piece}.pid"))
}

/// Field 22 of /proc/ID/stat: clock ticks between boot and the start of the process; none for one that has ended.
fn start_time(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    (state != "Z")
        .then(|| fields.nth(18).map(str::to_owned))
        .flatten()
}

fn signal(name: &str, id: u32) {
    let _ = Command::new("kill")
        .args([format!("-{name}"), id.to_string()])
        .stderr(Stdio::null())
        .status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_id_and_start_time() {
        let own = std::process::id();
        let started = start_time(own).expect("this process runs");
        let text = format!("{own} {started}");
        assert_eq!(parse_identity(&text), Some((own, started.as_str())));
        assert_eq!(start_time(u32::MAX), None);
    }

    #[test]
    fn a_half_written_record_is_no_process() {
        assert_eq!(parse_identity("12"), None);
        assert_eq!(parse_identity(""), None);
    }
}
