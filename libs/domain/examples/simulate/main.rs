//! Simulations of the experiments' statistics: how often each method errs where the truth is known.
//!
//! `cargo xtask bench experiments [-- --runs 10000 --only aa]` runs them all, or one, and writes docs/experiments-simulations.md. Every
//! run has a stream of its own, seeded by the name of its cell and its number, so the figures do not depend on the machine.
//! Looks are made with the same functions that the evaluation calls, on running sums.

mod aa;
mod audience;
mod bandit;
mod bandit_ratio;
mod coverage;
mod harness;
mod participants;
mod ratio;

use harness::Report;
use std::{error::Error, fs, path::Path, time::Instant};

/// A part of the table, by the name that `--only` takes.
type Part = (&'static str, fn(u64) -> Report);

const PARTS: [Part; 6] = [
    ("aa", aa::report),
    ("bandit", bandit::report),
    ("bandit-ratio", bandit_ratio::report),
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

/// Puts one part's section in the place of the one that was written with as many runs, or behind the part before it; the other
/// sections stay. With another number of runs nothing is written: a table holds one number.
fn rewrite(name: &str, text: &str, runs: u64) -> Result<(), Box<dyn Error>> {
    let (preface, old) = (harness::preface(runs), fs::read_to_string(OUTPUT)?);
    let (Some(rest), Some(section)) = (old.strip_prefix(&preface), text.strip_prefix(&preface))
    else {
        println!("not written: the table was made with another number of runs");
        return Ok(());
    };
    let title = |section: &str| section.lines().next().unwrap_or_default().to_owned();
    let mut sections: Vec<String> = rest
        .split("## ")
        .filter(|section| !section.is_empty())
        .map(|section| format!("## {section}"))
        .collect();
    match sections.iter().position(|it| title(it) == title(section)) {
        Some(place) => sections[place] = section.to_owned(),
        None => {
            let place = PARTS.iter().position(|(part, _)| *part == name);
            sections.insert(place.unwrap_or(0).min(sections.len()), section.to_owned());
        }
    }
    fs::write(OUTPUT, preface + &sections.concat())?;
    Ok(())
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
    match &arguments.only {
        None => fs::write(Path::new(OUTPUT), text)?,
        Some(name) => rewrite(name, &text, arguments.runs)?,
    }
    println!("{failed} goals missed");
    Ok(())
}
