//! How long an install takes, and how long nobody leads: after a rolling update, and after a leader was killed.

use crate::{deploy, exec, native, paths, paths::Instance};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

const LEASE: &str = "threads-operator";
const LABEL: &str = "app.kubernetes.io/name=threads-agent";
const PATIENCE: Duration = Duration::from_secs(90);

/// Measures on the cluster of `up`, `runs` times each, and prints the median and the slowest. It ends with what stood before.
pub fn run(runs: usize) -> Result<()> {
    let instance = Instance::dev()?;
    ensure!(
        instance.run.exists(),
        "this benchmark needs a cluster; make one with cargo xtask up"
    );
    let values = instance.run.join("bench-values.yaml");
    fs::write(
        &values,
        exec::output(deploy::helm(&instance).args([
            "get",
            "values",
            deploy::RELEASE,
            "-n",
            deploy::NAMESPACE,
        ]))?
        .replace("USER-SUPPLIED VALUES:", ""),
    )?;
    let helm = |arguments: &[&str]| {
        let mut command = deploy::helm(&instance);
        command
            .args(arguments)
            .args(["--namespace", deploy::NAMESPACE]);
        exec::output(&mut command)
    };
    let chart = paths::project().join("chart");
    let values = values.display().to_string();
    let chart = chart.display().to_string();
    let install = |replicas: &str| {
        helm(&[
            "upgrade",
            "--install",
            deploy::RELEASE,
            &chart,
            "--values",
            &values,
            "--set",
            replicas,
            "--wait",
            "--timeout",
            "120s",
        ])
    };
    let mut installs = Vec::new();
    for _ in 0..runs {
        helm(&["uninstall", deploy::RELEASE, "--wait"])?;
        let began = Instant::now();
        install("replicas=1")?;
        installs.push(began.elapsed());
    }
    report("helm install until all is ready", &mut installs);

    install("replicas=2")?;
    let (mut rolled, mut killed) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        rolled.push(change(
            &instance,
            &["rollout", "restart", "deployment/threads-agent"],
        )?);
        exec::output(kubectl(&instance).args(["rollout", "status", "deployment/threads-agent"]))?;
        killed.push(kill(&instance)?);
        exec::output(kubectl(&instance).args(["rollout", "status", "deployment/threads-agent"]))?;
    }
    report("nobody leads during a rolling update", &mut rolled);
    report("nobody leads after the leader was killed", &mut killed);
    install("replicas=1").map(drop)
}

fn kubectl(instance: &Instance) -> Command {
    let mut command = native::kubectl(instance);
    command.args(["--namespace", deploy::NAMESPACE]);
    command
}

fn holder(instance: &Instance) -> Result<String> {
    let holder = exec::output(kubectl(instance).args([
        "get",
        "lease",
        LEASE,
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ]))?;
    Ok(holder.trim().to_owned())
}

/// The time from when the leader is no longer one (its Pod is told to end, or was killed) until another holds the Lease.
fn change(instance: &Instance, how: &[&str]) -> Result<Duration> {
    let old = holder(instance)?;
    let holders = Watch::start(
        instance,
        &["lease", LEASE],
        "{.spec.holderIdentity}{\"\\n\"}",
    )?;
    let ends = Watch::start(
        instance,
        &["pods", "-l", LABEL],
        "{.metadata.name} {.metadata.deletionTimestamp}{\"\\n\"}",
    )?;
    exec::output(kubectl(instance).args(how))?;
    let ended = ends.until(|line| {
        line.split_once(' ')
            .is_some_and(|(pod, deleted)| pod == old && !deleted.is_empty())
    })?;
    let taken = holders.until(|line| !line.is_empty() && line != old)?;
    Ok(taken.saturating_duration_since(ended))
}

/// The time from SIGKILL of the leader's process until the Lease is renewed again: by the standby, or by the container's next process.
fn kill(instance: &Instance) -> Result<Duration> {
    let leader = holder(instance)?;
    let process = process_of(&leader)?;
    let renewals = Watch::start(instance, &["lease", LEASE], "{.spec.renewTime}{\"\\n\"}")?;
    exec::output(Command::new("kill").args(["-KILL", &process]))?;
    let killed = Instant::now();
    let renewed = renewals.after(killed)?;
    Ok(renewed.saturating_duration_since(killed))
}

/// Id of the operator's process in a Pod of this machine.
fn process_of(pod: &str) -> Result<String> {
    let of_pod = format!("POD_NAME={pod}");
    for entry in fs::read_dir("/proc")?.flatten() {
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let environment = read("environ");
        let mut variables = environment.split(|byte| *byte == 0);
        if read("cmdline").starts_with(b"/operator\0run")
            && variables.any(|one| one == of_pod.as_bytes())
        {
            return Ok(entry.file_name().to_string_lossy().into_owned());
        }
    }
    anyhow::bail!(
        "no process of Pod {pod} runs on this machine; this needs the native engine, and root"
    )
}

/// Lines of `kubectl get --watch`, each with the moment at which it came.
struct Watch {
    process: Child,
    lines: Receiver<(Instant, String)>,
}

impl Watch {
    fn start(instance: &Instance, what: &[&str], template: &str) -> Result<Self> {
        let mut process = kubectl(instance)
            .arg("get")
            .args(what)
            .args(["--watch", "-o", &format!("jsonpath={template}")])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("its output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let watch = Self { process, lines };
        // The first line is what stands: from here on nothing is missed.
        watch
            .lines
            .recv_timeout(PATIENCE)
            .context("nothing is there to be watched")?;
        Ok(watch)
    }

    /// The first line that comes later than that.
    fn after(&self, moment: Instant) -> Result<Instant> {
        loop {
            let (at, _) = self.lines.recv_timeout(PATIENCE).context("nothing came")?;
            if at > moment {
                return Ok(at);
            }
        }
    }

    fn until(&self, wanted: impl Fn(&str) -> bool) -> Result<Instant> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, line) = self
                .lines
                .recv_timeout(left)
                .context("it did not come to that")?;
            if wanted(&line) {
                return Ok(at);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    if let (Some(median), Some(slowest)) = (times.get(times.len() / 2), times.last()) {
        println!(
            "{what}: median {:.1} s, slowest {:.1} s of {}",
            median.as_secs_f64(),
            slowest.as_secs_f64(),
            times.len()
        );
    }
}
