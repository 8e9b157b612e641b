//! Tells the operator that something arrived, at most once a second a channel.

use sqlx::PgPool;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::Notify;

const PAUSE: Duration = Duration::from_secs(1);

/// Starts the task; it ends with the last holder of what this answers. What is noted during a pause is told after it.
pub(super) fn start(pool: PgPool, channel: &'static str) -> Arc<Notify> {
    let wake = Arc::new(Notify::new());
    tokio::spawn(tell(pool, channel, Arc::downgrade(&wake)));
    wake
}

async fn tell(pool: PgPool, channel: &'static str, wake: Weak<Notify>) {
    loop {
        let Some(noted) = wake.upgrade().map(Notify::notified_owned) else {
            return;
        };
        // Nothing was noted for long: look whether anybody could still note something.
        if tokio::time::timeout(60 * PAUSE, noted).await.is_err() {
            continue;
        }
        let told = sqlx::query("SELECT pg_notify($1, '')")
            .bind(channel)
            .execute(&pool)
            .await;
        if let Err(error) = told {
            // The operator looks by itself now and then.
            tracing::warn!(%error, channel, "the operator was not told");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
