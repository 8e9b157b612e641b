//! One claim, from the first call to the commit: the work runs under the lease, the attempt's time limit and the grace
//! period, and however it ends is told to the store.

mod embedding;
pub(crate) mod heartbeat;
mod post;
pub(crate) mod settle;

use crate::{
    consume::{Claims, Exit, consume},
    failure::{self, STORE_REFUSED, TIMEOUT},
    generate::{clock::DatabaseClock, objection::Objection},
    meter::Meter,
    plan,
    ports::{Ports, Tasks, Wakeups},
    stop::Stop,
    trace,
};
use backends::postgres::{ErrorClass, StoreError, worker::RunState};
use domain::tasks::{ClaimedTask, TaskFailure, TaskKind, TokenUsage};
use futures::FutureExt;
use heartbeat::Heartbeat;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// What every attempt of this worker shares.
#[derive(Clone)]
pub struct Workshop {
    pub ports: Ports,
    pub tasks: Arc<dyn Tasks>,
    pub lease: Duration,
    pub stop: Stop,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Committed,
    /// A gate refused every text.
    Rejected,
    /// The failure was recorded; the store decides whether there is another attempt.
    Failed,
    /// Another worker has the task, or its job was cancelled: nothing was kept.
    Abandoned,
    /// The worker is stopping: the task was given back.
    Released,
}

/// Why the work of an attempt went no further.
enum Halt {
    Refused(Objection),
    Failed(TaskFailure),
    Store(StoreError),
    LeaseLost,
    TimedOut,
    Stopping,
}

impl From<TaskFailure> for Halt {
    fn from(failure: TaskFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Claims for Workshop {
    type Task = ClaimedTask;

    fn stop(&self) -> &Stop {
        &self.stop
    }

    async fn claim(&self) -> Result<Option<ClaimedTask>, StoreError> {
        self.tasks.claim().await
    }

    async fn work_on(&self, task: &ClaimedTask) {
        self.attempt(task).await;
    }

    async fn state(&self) -> Result<RunState, StoreError> {
        self.tasks.run_state().await
    }
}

struct Attempt<'a> {
    shop: &'a Workshop,
    task: &'a ClaimedTask,
    clock: DatabaseClock,
    meter: Meter,
    heartbeat: Heartbeat,
    deadline: Instant,
}

impl Workshop {
    /// Works until the run is closed or a stop is requested.
    ///
    /// # Errors
    /// A database that refuses this worker for good: another schema, or missing rights.
    pub async fn consume(&self, wakeups: &mut dyn Wakeups) -> Result<Exit, StoreError> {
        consume(self, wakeups).await
    }

    /// Runs one attempt to its end. Never fails: what went wrong is in the store, or the lease runs out.
    pub async fn attempt(&self, task: &ClaimedTask) -> Ended {
        if self.stop.is_requested() {
            return self.give_back(task).await;
        }
        let attempt = Attempt {
            shop: self,
            task,
            clock: DatabaseClock::at_claim(&task.claimed_at),
            meter: Meter::default(),
            heartbeat: Heartbeat::start(self.tasks.clone(), task.clone(), self.lease),
            deadline: Instant::now()
                + Duration::from_secs(u64::from(task.payload.attempt_seconds.max(1))),
        };
        let span = trace::attempt(task);
        attempt.to_its_end().instrument(span).await
    }

    /// A task that was claimed in the moment of the stop.
    async fn give_back(&self, task: &ClaimedTask) -> Ended {
        let released = self.tasks.release(task, "", &TokenUsage::default()).await;
        told(released, Ended::Released)
    }
}

impl Attempt<'_> {
    async fn to_its_end(&self) -> Ended {
        let task = self.task;
        let result = match task.kind {
            TaskKind::Generate => self.post().await,
            TaskKind::Plan => self.plan().await,
            TaskKind::Embed => self.embedding().await,
        };
        let ended = self.tell(result).await;
        tracing::info!(task = %task.id, run = %task.run_id, index = task.index, ended = ?ended, "attempt ended");
        Span::current().record("threads.attempt.ended", format!("{ended:?}"));
        ended
    }

    async fn plan(&self) -> Result<(), Halt> {
        let plan = self
            .guarded(plan::make(&self.shop.ports, self.task, &self.meter))
            .await?;
        let (reading, model) = self.paid();
        self.settle("store the plan", || {
            self.shop
                .tasks
                .complete_plan(self.task, &plan, &model, &reading.usage)
        })
        .await?;
        Ok(())
    }

    /// Runs work that may be dropped at any await: calls to other systems, never to the store. A panic is a failed attempt,
    /// not a dead worker.
    async fn guarded<T>(
        &self,
        work: impl Future<Output = Result<T, TaskFailure>>,
    ) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.heartbeat.lost() => Err(Halt::LeaseLost),
            () = self.shop.stop.work_over() => Err(Halt::Stopping),
            () = tokio::time::sleep_until(self.deadline) => Err(Halt::TimedOut),
            done = AssertUnwindSafe(work).catch_unwind() => match done {
                Ok(done) => Ok(done?),
                Err(_) => Err(Halt::Failed(failure::bug("Panicked", "the worker's own code failed on this task; its log says where"))),
            },
        }
    }

    /// Tells the store how the attempt ended.
    async fn tell(&self, result: Result<(), Halt>) -> Ended {
        match result {
            Ok(()) => Ended::Committed,
            Err(Halt::Refused(objection)) => self.tell_rejected(&objection).await,
            Err(Halt::Failed(failure)) => self.tell_failed(&failure).await,
            Err(Halt::TimedOut) => {
                let limit = self.task.payload.attempt_seconds;
                self.tell_failed(&failure::transient(
                    TIMEOUT,
                    format!("the attempt took longer than {limit} s"),
                ))
                .await
            }
            Err(Halt::Store(error)) if error.class() == ErrorClass::Invalid => {
                tracing::error!(task = %self.task.id, %error, "the store refused the result");
                self.tell_failed(&failure::bug(
                    STORE_REFUSED,
                    "the store refused the result; the worker's log says why",
                ))
                .await
            }
            Err(Halt::Store(error)) => {
                tracing::warn!(task = %self.task.id, %error, "the attempt is abandoned");
                Ended::Abandoned
            }
            Err(Halt::LeaseLost) => Ended::Abandoned,
            Err(Halt::Stopping) => self.tell_released().await,
        }
    }

    async fn tell_released(&self) -> Ended {
        let (reading, model) = self.paid();
        let told_store = self
            .settle("release the task", || {
                self.shop.tasks.release(self.task, &model, &reading.usage)
            })
            .await;
        told(told_store, Ended::Released)
    }

    async fn tell_rejected(&self, objection: &Objection) -> Ended {
        let (reading, model) = self.paid();
        let told_store = self
            .settle("reject the task", || {
                self.shop.tasks.reject(
                    self.task,
                    objection.code,
                    &objection.message,
                    &model,
                    &reading.usage,
                )
            })
            .await;
        told(told_store, Ended::Rejected)
    }

    async fn tell_failed(&self, failure: &TaskFailure) -> Ended {
        tracing::warn!(task = %self.task.id, code = %failure.code, message = %failure.message, "attempt failed");
        let (reading, model) = self.paid();
        let told_store = self
            .settle("record the failure", || {
                self.shop
                    .tasks
                    .fail(self.task, failure, &model, &reading.usage)
            })
            .await;
        told(told_store, Ended::Failed)
    }
}

fn told<T>(result: Result<T, StoreError>, ended: Ended) -> Ended {
    if result.is_ok() {
        ended
    } else {
        Ended::Abandoned
    }
}
