//! Named steps with a spinner on a terminal and a plain line elsewhere.

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Prints steps as they go and says which one failed.
pub struct Steps {
    logs: PathBuf,
    plain: bool,
    started: Instant,
    bars: MultiProgress,
}

impl Steps {
    pub fn new(logs: PathBuf) -> Self {
        let plain = !std::io::stderr().is_terminal() || std::env::var_os("CI").is_some();
        Self {
            logs,
            plain,
            started: Instant::now(),
            bars: MultiProgress::new(),
        }
    }

    /// Runs one step. `mend` is what a person can do when it fails.
    pub fn run<T>(
        &self,
        name: &str,
        mend: &str,
        step: impl FnOnce(&Step) -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let handle = Step {
            log: self
                .logs
                .join(format!("{}.log", name.replace([' ', '/', ':'], "-"))),
            bar: self.bar(name),
            name: name.to_owned(),
            plain: self.plain,
        };
        if self.plain {
            self.print(&format!("  …  {name}"));
        }
        let result = step(&handle);
        handle.bar.finish_and_clear();
        match &result {
            Ok(_) => self.print(&format!("  ok {name} ({})", short(began.elapsed()))),
            Err(_) => self.print(&format!("  NO {name} ({})", short(began.elapsed()))),
        }
        result.with_context(|| {
            format!(
                "step `{name}` failed\n  how to mend it: {mend}\n  log: {}\n  why",
                handle.log.display()
            )
        })
    }

    /// A line that stays, above the spinners that go on.
    fn print(&self, line: &str) {
        if self.plain || self.bars.println(line).is_err() {
            eprintln!("{line}");
        }
    }

    pub fn elapsed(&self) -> String {
        short(self.started.elapsed())
    }

    fn bar(&self, name: &str) -> ProgressBar {
        if self.plain {
            return ProgressBar::hidden();
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// One step that runs.
pub struct Step {
    /// Where the programs that the step runs write.
    pub log: PathBuf,
    name: String,
    plain: bool,
    bar: ProgressBar,
}

impl Step {
    /// Says what the step is about at the moment.
    pub fn say(&self, what: &str) {
        if self.plain {
            eprintln!("     {}: {what}", self.name);
        }
        self.bar.set_message(what.to_owned());
    }

    /// Asks until `ready` holds.
    pub fn wait_until(
        &self,
        what: &str,
        patience: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        self.bar.set_message(format!("waiting for {what}"));
        while !ready() {
            if Instant::now() > deadline {
                anyhow::bail!("{what}: not within {}", short(patience));
            }
            std::thread::sleep(Duration::from_millis(150));
        }
        Ok(())
    }
}

fn short(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
