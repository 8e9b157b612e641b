//! One claim, from the analysis to the commit: the work runs under the lease, a time limit and the grace period, and however it ends
//! is told to the store.

use super::{Desk, compare::Conclusion};
use crate::{
    attempt::{heartbeat::Heartbeat, settle::settle},
    failure::{self, STORE_REFUSED, TIMEOUT},
};
use backends::postgres::{
    ErrorClass, StoreError,
    worker_achievements::{Analysed, AnalysisTask},
};
use domain::tasks::TaskFailure;
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};

/// Longest attempt: two calls to other systems.
const LIMIT: Duration = Duration::from_secs(120);

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Committed(Analysed),
    /// The failure was recorded; the store decides whether there is another attempt.
    Failed,
    /// Another worker has the task, or its record was deleted: nothing was kept.
    Abandoned,
    /// The worker is stopping: the task was given back.
    Released,
}

enum Halt {
    Failed(TaskFailure),
    LeaseLost,
    Stopping,
}

impl Desk {
    /// Runs one attempt to its end. Never fails: what went wrong is in the store, or the lease runs out.
    pub async fn attempt(&self, task: &AnalysisTask) -> Ended {
        let ended = match self.guarded(task).await {
            Ok(conclusion) => self.commit(task, conclusion).await,
            Err(Halt::Failed(failure)) => self.tell_failed(task, &failure).await,
            Err(Halt::Stopping) => self.give_back(task).await,
            Err(Halt::LeaseLost) => Ended::Abandoned,
        };
        tracing::info!(task = %task.id, achievement = %task.subject.id, ?ended, "analysis ended");
        ended
    }

    /// Analysis and comparison, which may be dropped at any await: calls to other systems, never to the store. A panic is a failed
    /// attempt, not a dead worker.
    async fn guarded(&self, task: &AnalysisTask) -> Result<Conclusion, Halt> {
        if self.stop.is_requested() {
            return Err(Halt::Stopping);
        }
        let (tasks, leased) = (self.tasks.clone(), task.clone());
        let heartbeat = Heartbeat::beat(task.id, self.lease, move || {
            let (tasks, leased) = (tasks.clone(), leased.clone());
            async move { tasks.extend(&leased).await }
        });
        tokio::select! {
            biased;
            () = heartbeat.lost() => Err(Halt::LeaseLost),
            () = self.stop.work_over() => Err(Halt::Stopping),
            () = tokio::time::sleep(LIMIT) => Err(Halt::Failed(failure::transient(
                TIMEOUT,
                format!("the attempt took longer than {} s", LIMIT.as_secs()),
            ))),
            done = AssertUnwindSafe(self.conclude(task)).catch_unwind() => match done {
                Ok(done) => done.map_err(Halt::Failed),
                Err(_) => Err(Halt::Failed(panicked())),
            },
        }
    }

    /// The formula runs on a thread of its own: a long text holds no heartbeat up.
    async fn conclude(&self, task: &AnalysisTask) -> Result<Conclusion, TaskFailure> {
        let (analyst, subject) = (self.analyst, task.subject.clone());
        let analysis = tokio::task::spawn_blocking(move || analyst(&subject))
            .await
            .map_err(|_| panicked())?;
        self.compare(task, analysis).await
    }

    async fn commit(&self, task: &AnalysisTask, conclusion: Conclusion) -> Ended {
        let Conclusion {
            analysis,
            comparison,
            queried_at,
        } = conclusion;
        let compared = AnalysisTask {
            queried_at,
            ..task.clone()
        };
        let stored = settle(&self.stop, task.id, "store the analysis", || {
            self.tasks
                .complete(&compared, &analysis, comparison.as_ref())
        })
        .await;
        match stored {
            Ok(analysed) => Ended::Committed(analysed),
            Err(error) if error.class() == ErrorClass::Invalid => {
                tracing::error!(task = %task.id, %error, "the store refused the result");
                self.tell_failed(
                    task,
                    &failure::bug(
                        STORE_REFUSED,
                        "the store refused the result; the worker's log says why",
                    ),
                )
                .await
            }
            Err(error) => {
                tracing::warn!(task = %task.id, %error, "the attempt is abandoned");
                Ended::Abandoned
            }
        }
    }

    async fn tell_failed(&self, task: &AnalysisTask, failure: &TaskFailure) -> Ended {
        tracing::warn!(task = %task.id, code = %failure.code, message = %failure.message, "analysis failed");
        let told = settle(&self.stop, task.id, "record the failure", || {
            self.tasks.fail(task, failure)
        })
        .await;
        ended(told, Ended::Failed)
    }

    async fn give_back(&self, task: &AnalysisTask) -> Ended {
        let told = settle(&self.stop, task.id, "release the task", || {
            self.tasks.release(task)
        })
        .await;
        ended(told, Ended::Released)
    }
}

fn ended<T>(told: Result<T, StoreError>, ended: Ended) -> Ended {
    if told.is_ok() {
        ended
    } else {
        Ended::Abandoned
    }
}

fn panicked() -> TaskFailure {
    failure::bug(
        "Panicked",
        "the worker's own code failed on this record; its log says where",
    )
}
