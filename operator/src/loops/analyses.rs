//! The sweep of the tasks that analyse achievements: lost workers, deleted records, sources that are gone. Messages need none: whoever
//! queues a task or gives it back queues its message in the same transaction.

use super::{back_off, jittered};
use crate::context::Context;
use backends::postgres::operator::achievements::SweptAnalyses;
use std::{sync::Arc, time::Duration};

/// Leases are a minute long; a lost one is noticed within this time.
const POLL: Duration = Duration::from_secs(10);

/// Sweeps until the process drains.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        let goes_on = match ctx.store.sweep_analyses().await {
            Ok(swept) => {
                failures = 0;
                note(&ctx, &swept);
                tokio::select! {
                    () = ctx.process.signals.stop.cancelled() => false,
                    () = tokio::time::sleep(jittered(POLL)) => true,
                }
            }
            Err(error) => {
                failures += 1;
                super::note_store_failure(&ctx, "analyses", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn note(ctx: &Context, swept: &SweptAnalyses) {
    let decisions = &ctx.process.metrics.sweep.decisions;
    for (decision, count) in [
        ("analysis_lease_expired", swept.expired),
        ("analysis_system_failed", swept.system_failed),
        ("analysis_cancelled", swept.cancelled),
        ("analysis_moved", swept.moved),
    ] {
        decisions.with_label_values(&[decision]).inc_by(count);
    }
    if swept.expired > 0 {
        tracing::warn!(
            expired = swept.expired,
            failed = swept.system_failed,
            "analysis workers were lost; their tasks are given back"
        );
    }
}
