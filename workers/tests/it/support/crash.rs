//! Ends a worker at a chosen call, as a kill does: what the call did stands, and nobody hears of it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio_util::sync::CancellationToken;

/// Counts the moments before and after each effect of the fakes that share it, and stops the worker at one of them.
#[derive(Debug, Clone, Default)]
pub struct CrashPoint(Arc<State>);

#[derive(Debug, Default)]
struct State {
    seen: AtomicU32,
    /// The moment, counted from 1; nought for never.
    at: AtomicU32,
    crashed: std::sync::Mutex<CancellationToken>,
}

impl CrashPoint {
    /// Crashes at moment `at`, counted from 1 and from now.
    pub fn arm(&self, at: u32) {
        self.0.seen.store(0, Ordering::SeqCst);
        self.0.at.store(at, Ordering::SeqCst);
        *self
            .0
            .crashed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = CancellationToken::new();
    }

    pub fn disarm(&self) {
        self.0.at.store(0, Ordering::SeqCst);
    }

    /// Moments passed since [`CrashPoint::arm`].
    #[must_use]
    pub fn seen(&self) -> u32 {
        self.0.seen.load(Ordering::SeqCst)
    }

    /// Waits for the crash.
    pub async fn crashed(&self) {
        self.token().cancelled().await;
    }

    /// One moment: passes, or never returns.
    pub async fn moment(&self) {
        let seen = self.0.seen.fetch_add(1, Ordering::SeqCst) + 1;
        if seen == self.0.at.load(Ordering::SeqCst) {
            self.token().cancel();
            std::future::pending::<()>().await;
        }
    }

    fn token(&self) -> CancellationToken {
        self.0
            .crashed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}
