//! The loop of a worker: claim, run the attempt, claim again; wait where nothing is claimable; leave when its own run needs
//! it no more.
//!
//! A claim comes first and never waits for a message: messages only shorten the wait. So a purged queue, a broker that is
//! down, a message that comes twice or a message for a task that another worker has are all the same to it (FAULTS 15, 20,
//! 36).

use crate::{attempt::Workshop, backoff::Backoff, ports::Wakeups};
use backends::postgres::{ErrorClass, StoreError, worker::RunState};
use rand::RngExt;
use std::time::Duration;

/// Bounds of the wait after which a worker looks at the rows again, in milliseconds.
const RECHECK_MILLIS: std::ops::RangeInclusive<u64> = 1_000..=2_000;
/// First wait where a task is claimable by its row and yet was not claimed, as when another worker was quicker.
const CLAIMABLE_MILLIS: u64 = 20;

/// Why the loop ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The worker's own run has nothing left that a Pod could do now.
    RunClosed,
    /// The worker was asked to stop.
    Stopped,
}

impl Workshop {
    /// Works until the run is closed or a stop is requested.
    ///
    /// # Errors
    /// A database that refuses this worker for good: another schema, or missing rights.
    pub async fn consume(&self, wakeups: &mut dyn Wakeups) -> Result<Exit, StoreError> {
        let (mut backoff, mut misses) = (Backoff::default(), 0);
        while !self.stop.is_requested() {
            let wait = match self.work_once(wakeups).await {
                Ok(Next::Claim) => {
                    (backoff, misses) = (Backoff::default(), 0);
                    continue;
                }
                Ok(Next::Leave) => return Ok(Exit::RunClosed),
                Ok(Next::Wait(state)) => {
                    backoff.reset();
                    misses += 1;
                    idle(&state, misses)
                }
                Err(error) if error.class() == ErrorClass::Transient => {
                    tracing::warn!(%error, "the store did not answer; trying again");
                    backoff.step()
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = wakeups.next() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.stop.requested() => {}
            }
        }
        Ok(Exit::Stopped)
    }

    /// One claim and its attempt; after a miss, what to do instead. Messages are settled between the two: a long attempt
    /// holds none back, and none runs into the broker's delivery timeout (FAULTS 22).
    async fn work_once(&self, wakeups: &mut dyn Wakeups) -> Result<Next, StoreError> {
        wakeups.gather();
        let claimed = self.tasks.claim().await;
        wakeups.settle().await;
        if let Some(task) = claimed? {
            self.attempt(&task).await;
            return Ok(Next::Claim);
        }
        let state = self.tasks.run_state().await?;
        Ok(if state.open {
            Next::Wait(state)
        } else {
            Next::Leave
        })
    }
}

enum Next {
    Claim,
    Wait(RunState),
    Leave,
}

/// How long to wait after the given number of misses in a row: to the next claimable moment, never beyond a recheck, and
/// never so short that a task that this worker may not claim keeps it busy.
pub(crate) fn idle(state: &RunState, misses: u32) -> Duration {
    let recheck = Duration::from_millis(rand::rng().random_range(RECHECK_MILLIS));
    let least = Duration::from_millis(CLAIMABLE_MILLIS << misses.clamp(1, 8).saturating_sub(1));
    state
        .wait
        .map_or(recheck, |wait| wait.max(least).min(recheck))
}

#[cfg(test)]
mod tests;
