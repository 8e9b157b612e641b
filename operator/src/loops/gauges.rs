//! Figures that change whether or not anybody reconciles, read in a few queries for the whole install.

use super::{jittered, note_store_failure};
use crate::{context::Context, metrics::Metrics};
use backends::postgres::{
    StoreError,
    operator::{
        OperatorStore,
        figures::{QueueFigures, ResourceFigures},
    },
};
use prometheus::IntGaugeVec;
use std::{sync::Arc, time::Duration};

const INTERVAL: Duration = Duration::from_secs(15);

/// Sets the gauges, and raises the counters of committed work, until the process drains.
pub async fn run(ctx: Arc<Context>) {
    loop {
        let read = round(&ctx.store, &ctx.process.metrics).await;
        ctx.process.metrics.note_backend("postgres", read.is_ok());
        if let Err(error) = read {
            note_store_failure(&ctx, "gauges", &error);
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}

async fn round(store: &OperatorStore, metrics: &Metrics) -> Result<(), StoreError> {
    show_queues(metrics, &store.queue_figures().await?);
    show_resources(metrics, &store.resource_figures().await?);
    metrics.totals.raise(store.totals().await?);
    Ok(())
}

fn show_queues(metrics: &Metrics, figures: &QueueFigures) {
    set(
        &metrics.sweep.tasks,
        &[
            ("queued", figures.queued),
            ("processing", figures.processing),
            ("parked", figures.parked),
        ],
    );
    metrics.sweep.points_pending.set(figures.points_pending);
    metrics.relay.unsent.set(figures.unsent);
    metrics.relay.oldest_seconds.set(figures.oldest_seconds);
    let analyses = &metrics.achievements;
    set(
        &analyses.tasks,
        &[
            ("queued", figures.analyses_queued),
            ("processing", figures.analyses_processing),
        ],
    );
    analyses.oldest_seconds.set(figures.analyses_oldest_seconds);
}

fn show_resources(metrics: &Metrics, figures: &ResourceFigures) {
    set(
        &metrics.budgets.personas,
        &[
            ("active", figures.active),
            ("suspended", figures.suspended),
            ("budget_spent", figures.budget_spent),
        ],
    );
    set(
        &metrics.budgets.tokens,
        &[
            ("limit", figures.tokens_limit),
            ("spent", figures.tokens_spent),
            ("reserved", figures.tokens_reserved),
        ],
    );
    set(
        &metrics.experiments.running,
        &[
            ("running", figures.experiments_running),
            ("awaiting", figures.experiments_awaiting),
        ],
    );
}

/// Sets the gauges of one label.
pub(super) fn set(gauges: &IntGaugeVec, values: &[(&str, i64)]) {
    for (label, value) in values {
        gauges.with_label_values(&[*label]).set(*value);
    }
}
