//! The API. `route` is the pattern of the path, never the path itself.

use crate::{Label, Metric};

const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
const UNASKED: &str = "until somebody asks";

pub const REQUESTS: Metric = Metric::counter(
    "http_requests_total",
    "Requests by how they ended.",
    &[
        Label::open("service"),
        Label::open("method"),
        Label::open("route"),
        Label::open("status_code"),
    ],
)
.absent_while(UNASKED);
pub const REQUEST_SECONDS: Metric = Metric::histogram(
    "http_request_duration_seconds",
    "From a request's head to its answer.",
    SECONDS,
    &[
        Label::open("service"),
        Label::open("method"),
        Label::open("route"),
    ],
)
.absent_while(UNASKED);
pub const OUTCOMES: Metric = Metric::counter(
    "threads_outcomes_total",
    "Told outcomes by what became of them.",
    &[Label::of(
        "fate",
        &[
            "applied",
            "duplicate",
            "late",
            "future",
            "unknown",
            "unpublished",
            "outside",
            "invalid",
        ],
    )],
);
pub const WEBHOOK_ANSWERS: Metric = Metric::counter(
    "threads_webhook_answers_total",
    "Deliveries of webhooks by how they were answered.",
    &[Label::of(
        "outcome",
        &[
            "accepted",
            "replayed",
            "ignored",
            "unsigned",
            "too-large",
            "slow",
            "unavailable",
            "invalid",
        ],
    )],
);

pub const ALL: &[&Metric] = &[&REQUESTS, &REQUEST_SECONDS, &OUTCOMES, &WEBHOOK_ANSWERS];
