//! The controllers, their watches and what they mend.

use crate::{Label, Metric};

const KIND: Label = Label::of(
    "kind",
    &[
        "Persona",
        "PromptTemplate",
        "ContentJob",
        "Experiment",
        "Achievement",
        "AchievementSource",
    ],
);
const OUTCOME: Label = Label::of(
    "outcome",
    &[
        "applied",
        "waiting",
        "skipped",
        "refused",
        "invalid",
        "transient",
        "bug",
        "fenced",
    ],
);
const BACKEND: Label = Label::of("backend", &["postgres", "rabbitmq", "qdrant"]);

/// A reconcile that calls nobody takes a few milliseconds, one that waits for a broker up to a minute.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

pub const RECONCILES: Metric = Metric::counter(
    "threads_reconciles_total",
    "Reconciles by what they came to.",
    &[KIND, OUTCOME],
);
pub const RECONCILE_SECONDS: Metric = Metric::histogram(
    "threads_reconcile_duration_seconds",
    "How long a reconcile took.",
    SECONDS,
    &[KIND],
);
pub const RECONCILES_RUNNING: Metric = Metric::gauge(
    "threads_reconciles_running",
    "Reconciles that run now.",
    &[KIND],
);
pub const FAILING: Metric = Metric::gauge(
    "threads_objects_failing",
    "Resources whose last reconcile failed and is tried again.",
    &[KIND],
);
pub const WATCH_ERRORS: Metric = Metric::counter(
    "threads_watch_errors_total",
    "Errors of watches of the Kubernetes API.",
    &[KIND],
);
pub const LEADER: Metric =
    Metric::gauge("threads_leader", "1 while this process leads, else 0.", &[]);
pub const DRIFT: Metric = Metric::gauge(
    "threads_drift",
    "Things of personas (queues, collections) by how the last look found them; unknown where the backend did not answer.",
    &[
        Label::of("backend", &["rabbitmq", "qdrant"]),
        Label::of("look", &["good", "bad", "unknown"]),
    ],
);
pub const REPAIRS: Metric = Metric::counter(
    "threads_repairs_total",
    "Things of personas that were found missing or changed, and mended.",
    &[BACKEND],
);
pub const BACKEND_UP: Metric = Metric::gauge(
    "threads_backend_up",
    "1 where the last look at the backend was answered, else 0.",
    &[BACKEND],
);

pub const ALL: &[&Metric] = &[
    &RECONCILES,
    &RECONCILE_SECONDS,
    &RECONCILES_RUNNING,
    &FAILING,
    &WATCH_ERRORS,
    &LEADER,
    &DRIFT,
    &REPAIRS,
    &BACKEND_UP,
];
