//! What people are told.

use crate::{Label, Metric};

pub const NOTIFICATIONS: Metric = Metric::counter(
    "threads_notifications_total",
    "Notifications by what became of them: taken by the receiver, or put off because it did not.",
    &[
        Label::of("topic", &["failed", "stalled", "decided", "budgetSpent"]),
        Label::of("result", &["sent", "put_off"]),
    ],
);
pub const GIVEN_UP: Metric = Metric::counter(
    "threads_notifications_given_up_total",
    "Notifications that the receiver did not take for a day.",
    &[],
);
pub const WAITING: Metric = Metric::gauge(
    "threads_notifications_waiting",
    "Notifications that wait for the receiver.",
    &[],
);

pub const ALL: &[&Metric] = &[&NOTIFICATIONS, &GIVEN_UP, &WAITING];
