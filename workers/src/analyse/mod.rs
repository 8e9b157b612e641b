//! `worker analyse`: draws conclusions from the facts of achievements, compares each record with others of the same person, and
//! commits both.
//!
//! ```text
//! consume ── claim ──► attempt ── analyse ──► compare (embed, index) ──► commit
//!    ▲                    │ heartbeat, time limit, grace period
//!    └── wake-up, time ◄──┘
//! ```
//!
//! The point of a record is stored by the operator, from the row that the commit wrote.

pub mod adapters;
mod attempt;
pub mod cli;
mod compare;
pub mod ports;
pub mod run;

pub use attempt::Ended;

use crate::{
    backoff::Backoff,
    consume::{Exit, idle},
    ports::Wakeups,
    stop::Stop,
};
use backends::postgres::{ErrorClass, StoreError, worker::RunState};
use domain::achievement::{Analysis, Subject};
use ports::{AnalysisTasks, Embedder, Neighbourhood};
use std::{sync::Arc, time::Duration};

/// Everything that the attempts of this worker share.
#[derive(Clone)]
pub struct Desk {
    /// The formula.
    pub analyst: fn(&Subject) -> Analysis,
    pub embedder: Arc<dyn Embedder>,
    pub index: Arc<dyn Neighbourhood>,
    pub tasks: Arc<dyn AnalysisTasks>,
    pub lease: Duration,
    pub stop: Stop,
}

impl Desk {
    /// Works until no rows wait or a stop is requested. A claim never waits for a message: messages only shorten the wait, so a queue
    /// that was purged, a message that comes twice and a broker that is down are all the same to it (FAULTS 15, 20, 36).
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

    /// One claim and its attempt. Messages are acknowledged after the claim that they caused and before its attempt, so that none runs
    /// into the broker's delivery timeout (FAULTS 22); the row, not the message, holds the work.
    async fn work_once(&self, wakeups: &mut dyn Wakeups) -> Result<Next, StoreError> {
        wakeups.gather();
        let claimed = self.tasks.claim().await;
        wakeups.settle().await;
        if let Some(task) = claimed? {
            self.attempt(&task).await;
            return Ok(Next::Claim);
        }
        let state = self.tasks.state().await?;
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
