//! How a worker ends when Kubernetes asks it to: no new claims at once, the current attempt has most of the grace period,
//! and the process is gone before the period is over (FAULTS 35).

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Parts of the grace period after which the attempt is given back, and after which the process exits come what may.
const WORK_SHARE: f64 = 0.75;
const EXIT_SHARE: f64 = 0.95;

/// A request to stop, shared by everything that waits.
#[derive(Debug, Clone)]
pub struct Stop {
    requested: CancellationToken,
    at: Arc<OnceLock<Instant>>,
    grace: Duration,
}

impl Stop {
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self {
            requested: CancellationToken::new(),
            at: Arc::default(),
            grace,
        }
    }

    /// The grace period starts with the first request.
    pub fn request(&self) {
        let _ = self.at.set(Instant::now());
        self.requested.cancel();
    }

    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    pub async fn requested(&self) {
        self.requested.cancelled().await;
    }

    /// The moment to give the current attempt back.
    pub async fn work_over(&self) {
        self.share_over(WORK_SHARE).await;
    }

    /// The moment to exit.
    pub async fn exit_due(&self) {
        self.share_over(EXIT_SHARE).await;
    }

    async fn share_over(&self, share: f64) {
        self.requested().await;
        let since = self.at.get().copied().unwrap_or_else(Instant::now);
        tokio::time::sleep_until(since + self.grace.mul_f64(share)).await;
    }
}

/// Requests the stop on SIGTERM and SIGINT.
///
/// # Errors
/// A process that cannot listen to signals.
pub fn on_signals(stop: Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("asked to stop");
        stop.request();
    });
    Ok(())
}
