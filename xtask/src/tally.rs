//! Counting what the gates come to.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

/// What the gates came to.
#[derive(Default)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
    pub lines: Vec<String>,
}

impl Tally {
    /// A gate that is one command; what cargo's test runner counts in it is added up.
    pub fn gate(&mut self, name: &str, command: &mut Command) -> bool {
        let mut counted = (0, 0);
        let result = self.timed(name, || {
            println!("\n== {name}");
            counted = stream(command)?;
            Ok(())
        });
        // A gate without tests of its own counts as one.
        let (passed, failed) = if counted == (0, 0) {
            (u32::from(result), u32::from(!result))
        } else {
            counted
        };
        self.passed += passed;
        self.failed += if result { failed } else { failed.max(1) };
        result
    }

    pub fn step(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        let result = self.timed(name, step);
        self.passed += u32::from(result);
        self.failed += u32::from(!result);
        result
    }

    fn timed(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        let began = Instant::now();
        let result = step();
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        self.lines
            .push(format!("{word:<7}{name} ({} s)", began.elapsed().as_secs()));
        if let Err(error) = &result {
            println!("{name} failed: {error:#}");
        }
        result.is_ok()
    }
}

/// Runs a command with its output shown as it comes; answers what `test result:` lines add up to.
fn stream(command: &mut Command) -> Result<(u32, u32)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the gate")?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            if let Some((p, f)) = counts(&line) {
                passed += p;
                failed += f;
            }
        }
    }
    let status = child.wait()?;
    if !status.success() && failed == 0 {
        bail!("ended with {status}");
    }
    if failed > 0 {
        println!("{failed} failed");
    }
    Ok((passed, failed))
}

fn counts(line: &str) -> Option<(u32, u32)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let number = |word: &str| -> Option<u32> {
        let end = rest.find(word)?;
        rest[..end].trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some((number(" passed")?, number(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn results_of_the_test_runner_are_added_up() {
        assert_eq!(
            counts(
                "test result: FAILED. 6 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.42s"
            ),
            Some((6, 2))
        );
        assert_eq!(counts("running 3 tests"), None);
    }
}
