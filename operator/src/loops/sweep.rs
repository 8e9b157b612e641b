//! The sweep: what no message and no watch would ever bring. It sleeps until the next thing is due.

use super::{back_off, rest};
use crate::context::Context;
use backends::postgres::{
    StoreError,
    operator::sweep::{Due, Swept},
};
use std::{sync::Arc, time::Duration};

/// Where nothing is due, it is asked again this often: the net under a lost notification.
const POLL: Duration = Duration::from_secs(20);
/// Notifications come in bursts; one look serves them all.
const BURST: Duration = Duration::from_millis(400);
/// Between two looks at queues whose messages nobody takes, and at budgets that are used up.
const SLOW: Duration = Duration::from_secs(5);

/// Sweeps until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        let goes_on = match round(&ctx).await {
            Ok(wait) => {
                failures = 0;
                rest(&ctx, &ctx.process.signals.wakes.sweep, wait).await && pause(&ctx).await
            }
            Err(error) => {
                failures += 1;
                super::note_store_failure(&ctx, "sweep", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

async fn pause(ctx: &Context) -> bool {
    tokio::select! {
        () = ctx.process.signals.stop.cancelled() => false,
        () = tokio::time::sleep(BURST) => true,
    }
}

/// Decides what is due; answers how long nothing will be.
async fn round(ctx: &Context) -> Result<Duration, StoreError> {
    let due = ctx.store.next_due().await?;
    if due.sweep_seconds.is_some_and(|seconds| seconds <= 0.0) {
        let swept = ctx.store.sweep().await?;
        note(ctx, &swept);
    }
    if due.unclaimed_seconds.is_some_and(|seconds| seconds <= 0.0) {
        send_lost_messages(ctx).await?;
    }
    if due.parked {
        wake_parked(ctx).await?;
    }
    Ok(until_next(&ctx.store.next_due().await?))
}

fn until_next(due: &Due) -> Duration {
    let within = |seconds: Option<f64>, least: f64| {
        seconds.map_or(POLL.as_secs_f64(), |seconds| seconds.max(least))
    };
    let sweep = within(due.sweep_seconds, 0.05);
    let slow = within(due.unclaimed_seconds, SLOW.as_secs_f64());
    let parked = if due.parked {
        SLOW.as_secs_f64()
    } else {
        POLL.as_secs_f64()
    };
    Duration::from_secs_f64(sweep.min(slow).min(parked).min(POLL.as_secs_f64()))
}

/// A queue that is empty although its messages were confirmed has lost them: a purge, or a worker that took them and could
/// not claim. Where the queue holds messages, Pods are what is missing.
async fn send_lost_messages(ctx: &Context) -> Result<(), StoreError> {
    for unclaimed in ctx.store.unclaimed_queues().await? {
        match ctx.broker.topology.depth(&unclaimed.queue).await {
            Ok(Some(depth)) if depth.ready > 0 => {}
            Ok(_) => {
                let again = ctx.store.send_again(unclaimed.persona_uid).await?;
                tracing::warn!(
                    queue = unclaimed.queue,
                    again,
                    "tasks were not claimed and their queue is empty; sent again"
                );
                ctx.process
                    .metrics
                    .sweep
                    .decisions
                    .with_label_values(&["sent_again"])
                    .inc_by(again);
            }
            Err(error) => {
                tracing::warn!(%error, "the broker does not say how full its queues are");
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn wake_parked(ctx: &Context) -> Result<(), StoreError> {
    for run in ctx.store.runs_with_budget().await? {
        let reservation = ctx.store.wake_parked(run).await?;
        let decisions = &ctx.process.metrics.sweep.decisions;
        decisions
            .with_label_values(&["unparked"])
            .inc_by(reservation.queued.unsigned_abs());
        if reservation.queued + reservation.failed > 0 {
            ctx.process.signals.wakes.progress.notify_one();
        }
    }
    Ok(())
}

fn note(ctx: &Context, swept: &Swept) {
    let Swept {
        expired,
        system_failed,
        past_deadline,
        cancelled,
        woken,
    } = *swept;
    let decisions = &ctx.process.metrics.sweep.decisions;
    for (decision, count) in [
        ("lease_expired", expired),
        ("system_failed", system_failed),
        ("past_deadline", past_deadline),
        ("cancelled", cancelled),
        ("woken", woken),
    ] {
        decisions.with_label_values(&[decision]).inc_by(count);
    }
    if expired > 0 {
        tracing::warn!(
            expired,
            system_failed,
            "workers were lost; their tasks are given back"
        );
    }
    if swept.changed_tasks() > 0 {
        ctx.process.signals.wakes.progress.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sweep_sleeps_until_the_next_thing_is_due_and_never_spins() {
        let seconds = |due: Due| until_next(&due).as_secs_f64();
        assert_eq!(seconds(Due::default()), 20.0);
        assert_eq!(
            seconds(Due {
                sweep_seconds: Some(2.5),
                ..Due::default()
            }),
            2.5
        );
        assert_eq!(
            seconds(Due {
                sweep_seconds: Some(-3.0),
                ..Due::default()
            }),
            0.05
        );
        assert_eq!(
            seconds(Due {
                unclaimed_seconds: Some(-3.0),
                ..Due::default()
            }),
            5.0
        );
        assert_eq!(
            seconds(Due {
                parked: true,
                ..Due::default()
            }),
            5.0
        );
    }
}
