//! One connection of its own hears what workers and the operator's own transactions tell. Notifications have no content: they
//! say that it is time to look.

use super::back_off;
use crate::context::Context;
use backends::postgres::operator::progress::{Heard, Listener};
use secrecy::ExposeSecret;
use std::sync::Arc;

/// Listens until the process drains. While the connection is lost the signal `listening` is off and polls are all there is.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        match Listener::connect(ctx.settings.services.database_url.expose_secret()).await {
            Ok(mut listener) => {
                failures = 0;
                announce(&ctx, true);
                wake_all(&ctx);
                if hear(&ctx, &mut listener).await {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "notifications of progress are not heard"),
        }
        announce(&ctx, false);
        failures += 1;
        if !back_off(&ctx, failures).await {
            return;
        }
    }
}

/// True where the process drains, false where the connection is lost.
async fn hear(ctx: &Context, listener: &mut Listener) -> bool {
    loop {
        let heard = tokio::select! {
            () = ctx.process.signals.stop.cancelled() => return true,
            heard = listener.next() => heard,
        };
        let wakes = &ctx.process.signals.wakes;
        match heard {
            Ok(Heard::Outbox) => wakes.outbox.notify_one(),
            Ok(Heard::Progress) => {
                wakes.sweep.notify_one();
                wakes.progress.notify_one();
                wakes.experiments.notify_one();
                wakes.edits.notify_one();
            }
            Ok(Heard::Outcomes) => wakes.experiments.notify_one(),
            Ok(Heard::Promotions) => wakes.templates.notify_one(),
            Ok(Heard::Inbox) => {
                wakes.inbox.notify_one();
                wakes.sources.notify_one();
            }
            Ok(Heard::Achievements) => {
                wakes.achievements.notify_one();
                wakes.sources.notify_one();
                wakes.source_jobs.notify_one();
                wakes.points.notify_one();
            }
            Err(error) => {
                tracing::warn!(%error, "the connection that hears of progress is lost");
                return false;
            }
        }
    }
}

/// What was told while nobody listened is looked for.
fn wake_all(ctx: &Context) {
    let wakes = &ctx.process.signals.wakes;
    for wake in [
        &wakes.outbox,
        &wakes.sweep,
        &wakes.progress,
        &wakes.experiments,
        &wakes.edits,
        &wakes.templates,
        &wakes.inbox,
        &wakes.achievements,
        &wakes.sources,
        &wakes.source_jobs,
    ] {
        wake.notify_one();
    }
}

/// Jobs say in their status that they are seen by polls alone.
fn announce(ctx: &Context, up: bool) {
    let signals = &ctx.process.signals;
    let changed = signals
        .listening
        .send_if_modified(|listening| std::mem::replace(listening, up) != up);
    if changed {
        signals.wakes.progress.notify_one();
    }
}
