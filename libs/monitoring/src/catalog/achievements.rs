//! Achievements: what was collected and analysed, and how far behind that is.

use crate::{Label, Metric};

pub const COLLECTED: Metric = Metric::counter(
    "threads_achievements_collected_total",
    "Records of achievements, by where they come from, of committed work.",
    &[Label::of(
        "source",
        &[
            "git",
            "github_pr",
            "ci",
            "manual",
            "api",
            "threads",
            "webhook",
        ],
    )],
);
pub const ANALYSES: Metric = Metric::counter(
    "threads_achievement_analyses_total",
    "Analyses of achievements that ended, of committed work.",
    &[Label::of(
        "status",
        &["completed", "failed", "cancelled", "dead_lettered"],
    )],
);
pub const TASKS: Metric = Metric::gauge(
    "threads_achievement_tasks",
    "Analyses that are not finished.",
    &[Label::of("status", &["queued", "processing"])],
);
pub const OLDEST_SECONDS: Metric = Metric::gauge(
    "threads_achievement_oldest_seconds",
    "Age of the oldest analysis that is not finished; 0 where there is none.",
    &[],
);
pub const DELIVERIES: Metric = Metric::counter(
    "threads_webhook_deliveries_total",
    "Deliveries of webhooks that were handled, by what they came to.",
    &[Label::of(
        "outcome",
        &["recorded", "evidence", "ignored", "filtered", "invalid"],
    )],
);
pub const DELIVERIES_WAITING: Metric = Metric::gauge(
    "threads_webhook_deliveries_waiting",
    "Deliveries of webhooks that were not handled yet.",
    &[],
);

pub const ALL: &[&Metric] = &[
    &COLLECTED,
    &ANALYSES,
    &TASKS,
    &OLDEST_SECONDS,
    &DELIVERIES,
    &DELIVERIES_WAITING,
];
