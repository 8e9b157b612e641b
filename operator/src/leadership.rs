//! One leader at a time: a Lease elects it, and its local deadline is checked before each write to Kubernetes. What the
//! Lease cannot promise, the epoch in Postgres does: see `backends::postgres::operator::epoch`.

mod guard;
mod lease;

pub use guard::{LeaseExpired, WriteGuard};
pub use lease::{Held, acquire};

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long the Lease holds after its last renewal.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long before its end the Lease is renewed: every five seconds.
pub const RENEW_BEFORE_END: Duration = Duration::from_secs(10);

/// What this process knows of its own leadership. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Leadership(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When the renewal was sent that the API server last accepted.
    renewed: Mutex<Option<Instant>>,
    lost: CancellationToken,
}

impl Leadership {
    /// A leadership that never ends, for tests and tools that work without a Lease.
    #[must_use]
    pub fn assumed() -> Self {
        let leadership = Self::default();
        leadership.renewed_at(Instant::now() + Duration::from_secs(365 * 24 * 3600));
        leadership
    }

    /// Whether the Lease still holds by the local clock: a process that was stopped and goes on later does not lead
    /// (FAULTS 12).
    #[must_use]
    pub fn holds(&self) -> bool {
        let renewed = *self
            .0
            .renewed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        !self.0.lost.is_cancelled()
            && renewed.is_some_and(|renewed| renewed.elapsed() < LEASE_DURATION)
    }

    /// Gives the leadership up for good; the process ends.
    pub fn lose(&self) {
        self.0.lost.cancel();
    }

    /// Resolves when the leadership was lost, or its deadline passed without a renewal.
    pub async fn lost(&self) {
        let lost = self.0.lost.cancelled();
        let expired = async {
            while self.holds() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = lost => {}
            () = expired => tracing::error!("the Lease was not renewed in time"),
        }
    }

    fn renewed_at(&self, sent: Instant) {
        *self
            .0
            .renewed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_was_renewed_too_long_ago_does_not_hold() {
        let leadership = Leadership::default();
        assert!(!leadership.holds());
        leadership.renewed_at(Instant::now());
        assert!(leadership.holds());
        leadership.renewed_at(
            Instant::now()
                .checked_sub(LEASE_DURATION)
                .unwrap_or_else(Instant::now),
        );
        assert!(!leadership.holds(), "FAULTS 12");
    }

    #[test]
    fn a_leadership_that_was_given_up_does_not_come_back() {
        let leadership = Leadership::assumed();
        leadership.lose();
        leadership.renewed_at(Instant::now());
        assert!(!leadership.holds());
    }
}
