//! Tasks, posts, what the model cost, and budgets.

use crate::{Label, Metric};

const NO_WORK_YET: &str = "until a worker committed something";

pub const TASKS: Metric = Metric::gauge(
    "threads_tasks",
    "Tasks that are not finished.",
    &[Label::of("status", &["queued", "processing", "parked"])],
);
pub const TASKS_FINISHED: Metric = Metric::counter(
    "threads_tasks_finished_total",
    "Tasks that ended, of committed work.",
    &[Label::of(
        "status",
        &[
            "completed",
            "failed",
            "rejected",
            "cancelled",
            "dead_lettered",
        ],
    )],
);
pub const SWEEP_DECISIONS: Metric = Metric::counter(
    "threads_sweep_decisions_total",
    "Tasks that the sweep decided on: claims that expired, deadlines that passed, messages sent again.",
    &[Label::of(
        "decision",
        &[
            "lease_expired",
            "system_failed",
            "past_deadline",
            "cancelled",
            "woken",
            "sent_again",
            "unparked",
            "analysis_lease_expired",
            "analysis_system_failed",
            "analysis_cancelled",
            "analysis_moved",
        ],
    )],
);
pub const POSTS: Metric = Metric::counter(
    "threads_posts_total",
    "Posts that were stored, of committed work; stand_in are those of the offline stand-in for a model.",
    &[Label::of("writer", &["model", "stand_in"])],
);
pub const MODEL_ATTEMPTS: Metric = Metric::counter(
    "threads_model_attempts_total",
    "Attempts at a task that used the model, of committed work; those of lost workers are charged by estimate.",
    &[Label::open("model"), Label::of("charge", &["exact", "estimated"])],
)
.absent_while(NO_WORK_YET);
pub const MODEL_TOKENS: Metric = Metric::counter(
    "threads_model_tokens_total",
    "Tokens of models, of committed work.",
    &[
        Label::open("model"),
        Label::of("type", &["prompt", "completion", "embedding"]),
    ],
)
.absent_while(NO_WORK_YET);
pub const MODEL_COST: Metric = Metric::counter(
    "threads_model_cost_micros_total",
    "Cost of stored posts in millionths of the currency of the price list, of committed work.",
    &[Label::open("model")],
)
.absent_while("while no price of a model is known");
pub const BUDGET_TOKENS: Metric = Metric::gauge(
    "threads_budget_tokens",
    "Tokens of today (UTC) of the personas that have a budget for the day, summed.",
    &[Label::of("state", &["limit", "spent", "reserved"])],
);
pub const PERSONAS: Metric = Metric::gauge(
    "threads_personas",
    "Personas; budget_spent are those whose budget for the day is used up.",
    &[Label::of("state", &["active", "suspended", "budget_spent"])],
);
pub const POINTS_STORED: Metric = Metric::counter(
    "threads_points_stored_total",
    "Points that the operator stored in the index because a worker could not.",
    &[],
);
pub const POINTS_PENDING: Metric = Metric::gauge(
    "threads_points_pending",
    "Posts and achievements whose point is not stored yet.",
    &[],
);

pub const ALL: &[&Metric] = &[
    &TASKS,
    &TASKS_FINISHED,
    &SWEEP_DECISIONS,
    &POSTS,
    &MODEL_ATTEMPTS,
    &MODEL_TOKENS,
    &MODEL_COST,
    &BUDGET_TOKENS,
    &PERSONAS,
    &POINTS_STORED,
    &POINTS_PENDING,
];
