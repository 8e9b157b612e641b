//! Experiments and the canary that checks their error rate.

use crate::{Label, Metric};

const SOURCE: Label = Label::of("source", &["resampled"]);

pub const UNITS: Metric = Metric::counter(
    "threads_experiment_units_total",
    "Units of experiments that matured, by what they came to.",
    &[Label::of(
        "fate",
        &["published", "zero", "missing", "excluded"],
    )],
);
pub const DECISIONS: Metric = Metric::counter(
    "threads_experiment_decisions_total",
    "Verdicts of experiments, and what followed.",
    &[Label::open("verdict"), Label::open("action")],
)
.absent_while("until an experiment is decided");
pub const RUNNING: Metric = Metric::gauge(
    "threads_experiments",
    "Experiments that collect, and those of them whose verdict waits for a person.",
    &[Label::of("state", &["running", "awaiting"])],
);
pub const CANARY_RELABELS: Metric = Metric::counter(
    "threads_canary_relabels_total",
    "Random labellings of matured units (resampled, no experiments), by what the analysis found.",
    &[Label::of("found", &["winner", "nothing"]), SOURCE],
);
pub const FALSE_WINNERS: Metric = Metric::gauge(
    "threads_canary_false_winner_rate",
    "Share of random labellings in which equal arms were called different (resampled), with the Wilson interval at 95 %.",
    &[Label::of("bound", &["estimate", "lower", "upper"]), SOURCE],
)
.absent_while("until the canary ran in this process");

pub const ALL: &[&Metric] = &[
    &UNITS,
    &DECISIONS,
    &RUNNING,
    &CANARY_RELABELS,
    &FALSE_WINNERS,
];
