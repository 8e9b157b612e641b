//! Runs in parallel, exact bounds, and the table they end in.

use domain::statistics::{distributions::beta_quantile, seeds::Seeded};
use std::{fmt::Write, thread};

/// Error rate of each bound that is printed.
const BOUND: f64 = 0.01;

/// Sums of what `run` answers over `runs` streams, which are seeded by `cell` and the number of the run.
pub fn sums<const N: usize>(
    cell: &str,
    runs: u64,
    run: impl Fn(&mut Seeded) -> [f64; N] + Sync,
) -> [f64; N] {
    let threads = thread::available_parallelism().map_or(1, |it| it.get() as u64);
    let part = |first: u64| {
        let mut sums = [0.0; N];
        for number in (first..runs).step_by(threads as usize) {
            let mut seeded = Seeded::from_bytes(format!("{cell} {number}").as_bytes());
            for (sum, value) in sums.iter_mut().zip(run(&mut seeded)) {
                *sum += value;
            }
        }
        sums
    };
    let part = &part;
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || part(first)))
            .collect();
        parts.into_iter().fold([0.0; N], |mut all, part| {
            let sums = part.join().expect("a simulation does not panic");
            all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
            all
        })
    })
}

/// What a rate ought to be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// Printed for comparison.
    None,
}

struct Row {
    what: String,
    figure: String,
    goal: String,
    /// Absent without a goal.
    holds: Option<bool>,
}

/// One section of the output.
pub struct Report {
    title: &'static str,
    text: &'static str,
    rows: Vec<Row>,
}

/// Clopper and Pearson's bounds (1934), each of error [`BOUND`].
pub fn bounds(found: f64, runs: f64) -> (f64, f64) {
    let lower = if found > 0.0 {
        beta_quantile(BOUND, found, runs - found + 1.0)
    } else {
        0.0
    };
    let upper = if found < runs {
        beta_quantile(1.0 - BOUND, found + 1.0, runs - found)
    } else {
        1.0
    };
    (lower, upper)
}

impl Report {
    pub fn new(title: &'static str, text: &'static str) -> Self {
        Self {
            title,
            text,
            rows: Vec::new(),
        }
    }

    /// A rate with its bounds; its goal is missed only where the bound on the far side is beyond it.
    pub fn rate(&mut self, what: String, found: f64, runs: f64, goal: Goal) {
        let (lower, upper) = bounds(found, runs);
        let (goal, holds) = match goal {
            Goal::AtMost(most) => (format!("≤ {}", percent(most)), Some(lower <= most)),
            Goal::AtLeast(least) => (format!("≥ {}", percent(least)), Some(upper >= least)),
            Goal::None => (String::new(), None),
        };
        let figure = format!(
            "{} ({} to {}; {found} of {runs})",
            percent(found / runs),
            percent(lower),
            percent(upper)
        );
        self.rows.push(Row {
            what,
            figure,
            goal,
            holds,
        });
    }

    /// A mean from the sums of values and of squares, with normal bounds.
    pub fn mean(&mut self, what: String, sums: [f64; 2], runs: f64, most: Option<f64>) {
        let mean = sums[0] / runs;
        let variance = (sums[1] / runs - mean * mean).max(0.0) * runs / (runs - 1.0).max(1.0);
        // 99th percentile of the normal.
        let half = 2.326_348 * (variance / runs).sqrt();
        self.rows.push(Row {
            what,
            figure: format!("{mean:.2} ({:.2} to {:.2})", mean - half, mean + half),
            goal: most.map_or_else(String::new, |most| format!("≤ {most:.2}")),
            holds: most.map(|most| mean - half <= most),
        });
    }

    pub fn failures(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.holds == Some(false))
            .count()
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.text);
        text.push_str("| what | figure (99 % bounds) | goal | holds |\n|---|---|---|---|\n");
        for row in &self.rows {
            let holds = match row.holds {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {holds} |",
                row.what, row.figure, row.goal
            );
        }
        text.push('\n');
        text
    }
}

fn percent(share: f64) -> String {
    let digits = if share < 0.01 { 3 } else { 2 };
    format!("{:.digits$} %", share * 100.0)
}

pub fn preface(runs: u64) -> String {
    format!(
        "# Simulations of the experiments' statistics\n\n\
         Written by `cargo xtask bench experiments` with `--runs {runs}` (ten times as many for the sample ratio); do not edit. Every run's \
         stream is seeded by the name of its cell and its number, so the same command gives the same figures. Bounds are \
         Clopper and Pearson's (of means: normal), each with an error of 1 %; a goal is missed where the bound lies beyond it.\n\n"
    )
}
