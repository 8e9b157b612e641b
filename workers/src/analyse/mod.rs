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
    consume::{Claims, Exit, consume},
    ports::Wakeups,
    stop::Stop,
};
use backends::postgres::{StoreError, worker::RunState, worker_achievements::AnalysisTask};
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
    /// Works until no rows wait or a stop is requested.
    ///
    /// # Errors
    /// A database that refuses this worker for good: another schema, or missing rights.
    pub async fn consume(&self, wakeups: &mut dyn Wakeups) -> Result<Exit, StoreError> {
        consume(self, wakeups).await
    }
}

impl Claims for Desk {
    type Task = AnalysisTask;

    fn stop(&self) -> &Stop {
        &self.stop
    }

    async fn claim(&self) -> Result<Option<AnalysisTask>, StoreError> {
        self.tasks.claim().await
    }

    async fn work_on(&self, task: &AnalysisTask) {
        self.attempt(task).await;
    }

    async fn state(&self) -> Result<RunState, StoreError> {
        self.tasks.state().await
    }
}
