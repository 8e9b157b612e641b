//! What goes on beside the controllers: messages out, leases and deadlines, points, and what wakes whom.

pub mod achievements;
pub mod analyses;
pub mod drift;
pub mod edits;
pub mod experiments;
pub mod gauges;
pub mod inbox;
pub mod listen;
pub mod notifications;
pub mod orphans;
pub mod pause;
pub mod points;
pub mod progress;
pub mod relay;
pub mod sweep;
pub mod totals;

use crate::context::Context;
use backends::postgres::{ErrorClass, StoreError};
use rand::RngExt;
use std::time::Duration;
use tokio::sync::Notify;

/// Waits until woken, or for `at_most` less up to a quarter, so that replicas and loops do not beat in time. False where the
/// process drains.
pub async fn rest(ctx: &Context, wake: &Notify, at_most: Duration) -> bool {
    tokio::select! {
        () = ctx.process.signals.stop.cancelled() => return false,
        () = wake.notified() => {}
        () = tokio::time::sleep(jittered(at_most)) => {}
    }
    !ctx.process.signals.stop.is_cancelled()
}

/// As [`rest`], where nothing may cut the wait short: what just failed would fail again.
pub async fn back_off(ctx: &Context, failures: u32) -> bool {
    let full = Duration::from_millis(500 * (1 << failures.saturating_sub(1).min(5)));
    tokio::select! {
        () = ctx.process.signals.stop.cancelled() => false,
        () = tokio::time::sleep(jittered(full)) => true,
    }
}

#[must_use]
pub fn jittered(full: Duration) -> Duration {
    full.mul_f64(1.0 - rand::rng().random::<f64>() / 4.0)
}

/// A database that does not answer is waited for; a newer leader ends this process.
pub fn note_store_failure(ctx: &Context, part: &str, error: &StoreError) {
    if error.class() == ErrorClass::Fenced {
        tracing::error!(part, %error, "this process no longer leads");
        ctx.process.leadership.lose();
    } else {
        tracing::warn!(part, %error, "the database does not answer; trying again");
    }
}
