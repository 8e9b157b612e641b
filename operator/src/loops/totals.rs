//! Totals of achievements, counted anew on schedule where something was written.

use super::{jittered, note_store_failure};
use crate::context::Context;
use std::{sync::Arc, time::Duration};

/// How old the totals become at most while records change.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts until the process drains.
pub async fn run(ctx: Arc<Context>) {
    loop {
        match ctx.store.count_achievement_totals().await {
            Ok(counted) => tracing::debug!(counted, "totals of achievements"),
            Err(error) => note_store_failure(&ctx, "totals", &error),
        }
        tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}
