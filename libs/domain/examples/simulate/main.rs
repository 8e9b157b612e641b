//! Simulations of the experiments' statistics: how often each method errs where the truth is known.
//!
//! `cargo xtask bench experiments [-- --runs 10000 --only aa]` runs them all and writes docs/experiments-simulations.md. Every
//! run has a stream of its own, seeded by the name of its cell and its number, so the figures do not depend on the machine.
//! Looks are made with the same functions that the evaluation calls, on running sums.

mod aa;
mod audience;
mod bandit;
mod coverage;
mod harness;
mod participants;
mod ratio;

use harness::Report;
use std::{error::Error, fs, path::Path, time::Instant};

/// A part of the table, by the name that `--only` takes.
type Part = (&'static str, fn(u64) -> Report);

const PARTS: [Part; 5] = [
    ("aa", aa::report),
    ("bandit", bandit::report),
    ("participants", participants::report),
    ("coverage", coverage::report),
    ("srm", ratio::report),
];

const OUTPUT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/experiments-simulations.md"
);

struct Arguments {
    runs: u64,
    only: Option<String>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments = Arguments {
        runs: 10_000,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or("every parameter takes a value")?;
        match word.as_str() {
            "--runs" => arguments.runs = value.parse::<u64>()?.max(1),
            "--only" => arguments.only = Some(value),
            other => return Err(format!("unknown parameter {other}").into()),
        }
    }
    Ok(arguments)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    let mut text = harness::preface(arguments.runs);
    let mut failed = 0;
    let mut found = false;
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted(name)) {
        let begun = Instant::now();
        let report = part(arguments.runs);
        found = true;
        failed += report.failures();
        let section = report.markdown();
        println!(
            "{section}({name}: {:.0} s)\n",
            begun.elapsed().as_secs_f64()
        );
        text.push_str(&section);
    }
    if !found {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no such part; there are: {}", names.join(", ")).into());
    }
    if arguments.only.is_none() {
        fs::write(Path::new(OUTPUT), text)?;
    }
    println!("{failed} goals missed");
    Ok(())
}
