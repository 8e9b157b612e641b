//! The loop of a worker: claim, run the attempt, claim again; wait where nothing is claimable; leave when its own run needs
//! it no more.
//!
//! A claim comes first and never waits for a message: messages only shorten the wait. So a purged queue, a broker that is
//! down, a message that comes twice or a message for a task that another worker has are all the same to it (FAULTS 15, 20,
//! 36).

use crate::{backoff::Backoff, ports::Wakeups, stop::Stop};
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

/// What a worker claims, and does with what it claimed.
pub(crate) trait Claims {
    type Task;
    fn stop(&self) -> &Stop;
    async fn claim(&self) -> Result<Option<Self::Task>, StoreError>;
    /// Runs one attempt to its end, whatever that is.
    async fn work_on(&self, task: &Self::Task);
    /// Whether anything is left for this worker.
    async fn state(&self) -> Result<RunState, StoreError>;
}

/// Works until nothing is left or a stop is requested.
///
/// # Errors
/// A database that refuses this worker for good: another schema, or missing rights.
pub(crate) async fn consume(
    worker: &impl Claims,
    wakeups: &mut dyn Wakeups,
) -> Result<Exit, StoreError> {
    let (mut backoff, mut misses) = (Backoff::default(), 0);
    while !worker.stop().is_requested() {
        let wait = match work_once(worker, wakeups).await {
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
            () = worker.stop().requested() => {}
        }
    }
    Ok(Exit::Stopped)
}

/// One claim and its attempt; after a miss, what to do instead. Messages are settled between the two: a long attempt
/// holds none back, and none runs into the broker's delivery timeout (FAULTS 22).
async fn work_once(worker: &impl Claims, wakeups: &mut dyn Wakeups) -> Result<Next, StoreError> {
    wakeups.gather();
    let claimed = worker.claim().await;
    wakeups.settle().await;
    if let Some(task) = claimed? {
        worker.work_on(&task).await;
        return Ok(Next::Claim);
    }
    let state = worker.state().await?;
    Ok(if state.open {
        Next::Wait(state)
    } else {
        Next::Leave
    })
}

enum Next {
    Claim,
    Wait(RunState),
    Leave,
}

/// How long to wait after the given number of misses in a row: to the next claimable moment, never beyond a recheck, and
/// never so short that a task that this worker may not claim keeps it busy.
fn idle(state: &RunState, misses: u32) -> Duration {
    let recheck = Duration::from_millis(rand::rng().random_range(RECHECK_MILLIS));
    let least = Duration::from_millis(CLAIMABLE_MILLIS << misses.clamp(1, 8).saturating_sub(1));
    state
        .wait
        .map_or(recheck, |wait| wait.max(least).min(recheck))
}

#[cfg(test)]
mod tests;
