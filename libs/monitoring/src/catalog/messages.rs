//! The outbox and the queues.

use crate::{Label, Metric};

const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub const OUTBOX_MESSAGES: Metric = Metric::counter(
    "threads_outbox_messages_total",
    "Messages by what became of them: confirmed by the broker, refused by it as nobody takes them, or put off.",
    &[Label::of("result", &["sent", "refused", "deferred"])],
);
pub const OUTBOX_UNSENT: Metric = Metric::gauge(
    "threads_outbox_unsent",
    "Messages that are not confirmed yet.",
    &[],
);
pub const OUTBOX_OLDEST_SECONDS: Metric = Metric::gauge(
    "threads_outbox_oldest_seconds",
    "Age of the oldest message that is not confirmed; 0 where there is none.",
    &[],
);
pub const OUTBOX_BATCH_SECONDS: Metric = Metric::histogram(
    "threads_outbox_batch_duration_seconds",
    "How long a batch of messages took.",
    SECONDS,
    &[],
);
pub const QUEUE_MESSAGES: Metric = Metric::gauge(
    "threads_queue_messages",
    "Ready messages in the queues of all personas, as the broker last told.",
    &[Label::of("queue", &["work", "dead_letter"])],
);

pub const ALL: &[&Metric] = &[
    &OUTBOX_MESSAGES,
    &OUTBOX_UNSENT,
    &OUTBOX_OLDEST_SECONDS,
    &OUTBOX_BATCH_SECONDS,
    &QUEUE_MESSAGES,
];
