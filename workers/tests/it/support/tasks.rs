//! Task rows in memory, with the rules of the database's functions that the worker relies on.

use super::CrashPoint;
use async_trait::async_trait;
use backends::postgres::{
    StoreError,
    worker::{CommitOutcome, CompletedPost, RunState},
};
use domain::tasks::{ClaimedTask, FailureClass, TaskFailure, TokenUsage};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;
use worker::ports::Tasks;

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum RowState {
    Queued,
    Processing,
    Completed,
    Failed,
    DeadLettered,
    Rejected,
}

/// One task with everything that was written to it.
#[derive(Debug, Clone)]
pub struct Row {
    pub task: ClaimedTask,
    pub state: RowState,
    pub post: Option<CompletedPost>,
    pub plan: Option<Value>,
    /// Of an edited post.
    pub embedding: Option<Vec<f32>>,
    /// Code and message of the last failure or rejection.
    pub error: Option<(String, String)>,
    /// Usage of each recorded attempt.
    pub paid: Vec<TokenUsage>,
    pub point_stored: bool,
    pub claims: u32,
}

/// The rows, and what shall go wrong with the next calls.
pub struct MemoryTasks {
    crash: CrashPoint,
    rows: Mutex<Vec<Row>>,
    /// Commits answer these instead of storing, first to last.
    duplicates: Mutex<VecDeque<CommitOutcome>>,
    /// As many commits store what they shall and lose their reply.
    lost_replies: Mutex<u32>,
    cancelled: Mutex<bool>,
}

impl MemoryTasks {
    #[must_use]
    pub fn new(crash: CrashPoint, tasks: impl IntoIterator<Item = ClaimedTask>) -> Self {
        let rows = tasks
            .into_iter()
            .map(|task| Row {
                task,
                state: RowState::Queued,
                post: None,
                plan: None,
                embedding: None,
                error: None,
                paid: vec![],
                point_stored: false,
                claims: 0,
            })
            .collect();
        Self {
            crash,
            rows: Mutex::new(rows),
            duplicates: Mutex::default(),
            lost_replies: Mutex::default(),
            cancelled: Mutex::default(),
        }
    }

    #[must_use]
    pub fn crash_point(&self) -> &CrashPoint {
        &self.crash
    }

    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        lock(&self.rows).clone()
    }

    /// The next commit finds a twin.
    pub fn answer_duplicate(&self, of: Uuid, similarity_bp: i32) {
        lock(&self.duplicates).push_back(CommitOutcome::Duplicate { of, similarity_bp });
    }

    /// The next commit counts, but its reply is lost.
    pub fn lose_reply(&self) {
        *lock(&self.lost_replies) += 1;
    }

    /// Every lease runs out, as after a Pod's death.
    pub fn expire_leases(&self) {
        for row in lock(&self.rows)
            .iter_mut()
            .filter(|row| row.state == RowState::Processing)
        {
            row.state = RowState::Queued;
            row.task.lease_token = Uuid::nil();
        }
    }

    /// The job is cancelled: renewals are refused.
    pub fn cancel(&self) {
        *lock(&self.cancelled) = true;
    }

    fn leased<T>(
        &self,
        task: &ClaimedTask,
        change: impl FnOnce(&mut Row) -> T,
    ) -> Result<T, StoreError> {
        lock(&self.rows)
            .iter_mut()
            .find(|row| {
                row.task.id == task.id
                    && row.state == RowState::Processing
                    && row.task.lease_token == task.lease_token
            })
            .map(change)
            .ok_or(StoreError::LeaseLost)
    }
}

#[async_trait]
impl Tasks for MemoryTasks {
    async fn claim(&self) -> Result<Option<ClaimedTask>, StoreError> {
        self.crash.moment().await;
        let claimed = lock(&self.rows)
            .iter_mut()
            .find(|row| row.state == RowState::Queued)
            .map(|row| {
                row.state = RowState::Processing;
                row.claims += 1;
                row.task.lease_token = Uuid::new_v4();
                row.task.clone()
            });
        self.crash.moment().await;
        Ok(claimed)
    }

    async fn extend(&self, task: &ClaimedTask) -> Result<bool, StoreError> {
        Ok(!*lock(&self.cancelled) && self.leased(task, |_| ()).is_ok())
    }

    async fn complete(
        &self,
        task: &ClaimedTask,
        done: &CompletedPost,
    ) -> Result<CommitOutcome, StoreError> {
        self.crash.moment().await;
        if let Some(outcome) = lock(&self.duplicates).pop_front() {
            return Ok(outcome);
        }
        self.leased(task, |row| {
            row.state = RowState::Completed;
            row.post = Some(done.clone());
            row.paid.push(done.usage);
        })?;
        self.crash.moment().await;
        let mut lost = lock(&self.lost_replies);
        if *lost > 0 {
            *lost -= 1;
            return Err(StoreError::Database(sqlx::Error::PoolTimedOut));
        }
        Ok(CommitOutcome::Committed)
    }

    async fn complete_plan(
        &self,
        task: &ClaimedTask,
        plan: &Value,
        _: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        self.leased(task, |row| {
            row.state = RowState::Completed;
            row.plan = Some(plan.clone());
            row.paid.push(*usage);
        })
    }

    async fn complete_embedding(
        &self,
        task: &ClaimedTask,
        embedding: &[f32],
        usage: &TokenUsage,
    ) -> Result<Option<i32>, StoreError> {
        self.leased(task, |row| {
            row.state = RowState::Completed;
            row.embedding = Some(embedding.to_vec());
            row.paid.push(*usage);
        })?;
        Ok(Some(2))
    }

    async fn fail(
        &self,
        task: &ClaimedTask,
        failure: &TaskFailure,
        _: &str,
        usage: &TokenUsage,
    ) -> Result<String, StoreError> {
        self.crash.moment().await;
        let state = self.leased(task, |row| {
            row.task.retry_count += 1;
            row.state = match failure.class {
                FailureClass::Invalid => RowState::Failed,
                _ if row.task.retry_count >= row.task.max_attempts => RowState::DeadLettered,
                _ => RowState::Queued,
            };
            row.error = Some((failure.code.clone(), failure.message.clone()));
            row.paid.push(*usage);
            row.state.clone()
        })?;
        self.crash.moment().await;
        Ok(format!("{state:?}"))
    }

    async fn reject(
        &self,
        task: &ClaimedTask,
        code: &str,
        message: &str,
        _: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        self.crash.moment().await;
        self.leased(task, |row| {
            row.state = RowState::Rejected;
            row.error = Some((code.to_owned(), message.to_owned()));
            row.paid.push(*usage);
        })
    }

    async fn release(
        &self,
        task: &ClaimedTask,
        _: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        self.leased(task, |row| {
            row.state = RowState::Queued;
            if *usage != TokenUsage::default() {
                row.paid.push(*usage);
            }
        })
    }

    async fn run_state(&self) -> Result<RunState, StoreError> {
        let open = lock(&self.rows)
            .iter()
            .any(|row| matches!(row.state, RowState::Queued | RowState::Processing));
        Ok(RunState {
            open: open && !*lock(&self.cancelled),
            wait: None,
        })
    }

    async fn mark_points_stored(&self, points: &[(Uuid, i32)]) -> Result<(), StoreError> {
        self.crash.moment().await;
        for row in lock(&self.rows).iter_mut() {
            if row
                .post
                .as_ref()
                .is_some_and(|post| points.iter().any(|(id, _)| *id == post.post.id))
            {
                row.point_stored = true;
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
