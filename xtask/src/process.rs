//! Long-running processes of an instance: started inside its network namespace, remembered by id **and** start time, so that
//! a process id that was given to somebody else is never taken for ours.

use crate::paths::Instance;
use anyhow::{Context, Result, bail};
use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
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

/// Writes the shell's own process id and start time (field 22 of its stat), then becomes the program: however early xtask is
/// killed, no process runs unrecorded.
const RECORD_THEN_EXEC: &str = r#"read -r stat < "/proc/$$/stat"; set -f; fields=${stat##*) }
file=$1; shift; n=0; for field in $fields; do n=$((n + 1)); [ $n = 20 ] && break; done
echo "$$ $field" > "$file.new" && mv "$file.new" "$file" && exec "$@""#;

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
    let record = pid_file(instance, piece);
    let _ = fs::remove_file(&record);
    // A process group of its own: an interrupted xtask does not take the cluster along.
    let mut child = recording(command, &record)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {piece}"))?;
    while !record.exists() {
        if let Some(status) = child.try_wait()? {
            bail!("{piece} ended at once with {status}; see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// The same command behind a shell that records who it is.
fn recording(command: &Command, record: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", RECORD_THEN_EXEC, "sh"])
        .arg(record)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell
}

/// Whether the recorded process is alive and the one that was started.
pub fn is_running(instance: &Instance, piece: &str) -> bool {
    recorded(instance, piece).is_some()
}

/// Ends a piece, kindly first.
pub fn stop(instance: &Instance, piece: &str, patience: Duration) {
    if let Some(id) = recorded(instance, piece) {
        signal(ending_signal(piece), &id.to_string());
        let deadline = Instant::now() + patience;
        while recorded(instance, piece).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        if recorded(instance, piece).is_some() {
            signal("KILL", &id.to_string());
        }
    }
    let _ = fs::remove_file(pid_file(instance, piece));
}

/// Ends a piece without giving it time to tidy up, as a crash does.
pub fn crash(instance: &Instance, piece: &str) {
    if let Some(id) = recorded(instance, piece) {
        // Postgres' own name for a crash: its children go too, which a killed parent would leave holding the memory.
        match piece {
            "postgres" => signal("QUIT", &id.to_string()),
            _ => signal("KILL", &format!("-{id}")),
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while recorded(instance, piece).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let _ = fs::remove_file(pid_file(instance, piece));
}

/// Postgres waits for its clients when asked to terminate; the interrupt does not.
fn ending_signal(piece: &str) -> &'static str {
    if piece == "postgres" { "INT" } else { "TERM" }
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

fn signal(name: &str, target: &str) {
    let _ = Command::new("kill")
        .args(["-s", name, "--", target])
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
    fn a_program_records_itself_before_it_runs() {
        let record = std::env::temp_dir().join(format!("xtask-{}.pid", std::process::id()));
        let output = recording(
            Command::new("/bin/sh")
                .args(["-c", "cat \"$0\"; cat /proc/$$/stat"])
                .arg(&record),
            &record,
        )
        .output()
        .expect("a shell");
        let _ = fs::remove_file(&record);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (identity, stat) = text.split_once('\n').expect("two lines");
        let (id, started) = parse_identity(identity).expect("an identity");
        assert!(stat.starts_with(&format!("{id} (")), "{stat}");
        assert_eq!(stat.split(' ').nth(21), Some(started));
    }

    #[test]
    fn a_half_written_record_is_no_process() {
        assert_eq!(parse_identity("12"), None);
        assert_eq!(parse_identity(""), None);
    }
}
