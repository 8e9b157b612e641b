//! Figures that change whether or not anybody reconciles, read in one query.

use super::{jittered, note_store_failure};
use crate::context::Context;
use std::{sync::Arc, time::Duration};

const INTERVAL: Duration = Duration::from_secs(15);

/// Sets the gauges until the process drains.
pub async fn run(ctx: Arc<Context>) {
    loop {
        match ctx.store.queue_figures().await {
            Ok(figures) => {
                let metrics = &ctx.process.metrics;
                for (status, tasks) in [
                    ("queued", figures.queued),
                    ("processing", figures.processing),
                    ("parked", figures.parked),
                ] {
                    metrics.sweep.tasks.with_label_values(&[status]).set(tasks);
                }
                metrics.sweep.points_pending.set(figures.points_pending);
                metrics.relay.unsent.set(figures.unsent);
                metrics.relay.oldest_seconds.set(figures.oldest_seconds);
            }
            Err(error) => note_store_failure(&ctx, "gauges", &error),
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}
