//! What the rows say of a run: for the ContentJob's status and for the decision what to do next.

use super::OperatorStore;
use crate::postgres::{StoreError, operator::runs::RunIdentity};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

/// The row of a run.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RunRow {
    pub id: Uuid,
    pub namespace: String,
    pub persona_uid: Uuid,
    pub persona_name: String,
    pub run_key: String,
    pub kind: String,
    pub priority: i32,
    pub parallelism: i32,
    pub suspended: bool,
    pub cancelled: bool,
    pub credentials_digest: String,
    pub tokens_limit: Option<i64>,
    pub tokens_reserved: i64,
    pub tokens_spent: i64,
    pub tasks_total: i32,
    pub task_tokens: i64,
    pub job_ordinal: i32,
    pub job_pods: i32,
    pub job_failures: i32,
    pub retry_handled: Option<String>,
    pub discard_handled: Option<String>,
    pub plan: Option<Value>,
    pub last_error: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Seconds until the deadline, by the database's clock; negative once it has passed.
    pub seconds_left: f64,
    /// Seconds since the run ended.
    pub seconds_finished: Option<f64>,
    /// Queue of the persona; empty where its row is gone.
    pub queue: String,
    pub persona_suspended: bool,
    pub tokens_per_day: Option<i64>,
    /// Whether the revision that the tasks pin has an emotion contract.
    pub emotion_gate: bool,
    /// What people are told of the experiment that the run joined, or of why it joined none.
    pub experiment_note: Option<String>,
    pub paused: bool,
}

/// The tasks of a run by state, and what else of them matters.
#[derive(Debug, Clone, Default, PartialEq, sqlx::FromRow)]
pub struct TaskTally {
    pub queued: i64,
    pub processing: i64,
    pub parked: i64,
    pub completed: i64,
    pub failed: i64,
    pub rejected: i64,
    pub cancelled: i64,
    pub dead_lettered: i64,
    /// Queued ones that wait for their next attempt, and the seconds until the first of them may be claimed.
    pub backing_off: i64,
    pub next_try_seconds: Option<f64>,
    pub rejected_as_duplicate: i64,
    pub rejected_for_emotion: i64,
    /// Stored although similar to an earlier post.
    pub flagged: i64,
    /// Failed because the run's time was up.
    pub past_deadline: i64,
    /// Failed or dead-lettered after five lost workers.
    pub system_failed: i64,
    /// Queued ones whose wake-up message is not confirmed, and why the broker did not take one.
    pub unsent: i64,
    pub unroutable: Option<String>,
    /// Completed ones whose post was deleted.
    pub lost_posts: i64,
    /// Rows that there are; fewer than the run's total where some were deleted.
    pub rows: i64,
}

/// Tokens of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct RunUsage {
    pub prompt: i64,
    pub completion: i64,
    pub embedding: i64,
    /// Charged for attempts whose worker was lost.
    pub estimated: i64,
}

/// A post as the status shows it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PostRow {
    pub id: Uuid,
    pub index: i32,
    pub content_hash: String,
    pub hook: String,
    pub score_bp: Option<i32>,
    pub emotion: Option<String>,
    pub trajectory: Option<String>,
    pub nearest_id: Option<Uuid>,
    pub nearest_bp: Option<i32>,
    pub stand_in: bool,
    /// The experiment's arm.
    pub arm: Option<String>,
}

/// Everything that the rows say of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    pub run: RunRow,
    pub tasks: TaskTally,
    pub usage: RunUsage,
    /// The first ten, by index.
    pub posts: Vec<PostRow>,
}

/// A run whose rows do not add up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, sqlx::FromRow)]
pub struct DriftedRun {
    pub namespace: String,
    pub name: String,
    pub missing_tasks: i64,
    pub lost_posts: i64,
}

impl TaskTally {
    /// Tasks that may still end.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.queued + self.processing + self.parked
    }
}

impl OperatorStore {
    /// The run of this uid, `runId` and digest, unless another took its place.
    ///
    /// # Errors
    /// Database errors.
    pub async fn run_view(
        &self,
        identity: &RunIdentity<'_>,
    ) -> Result<Option<RunView>, StoreError> {
        let run: Option<RunRow> = sqlx::query_as(
            "SELECT run.id, run.namespace, run.persona_uid, run.persona_name, run.run_key, run.kind, run.priority,
                 run.parallelism, run.suspended, run.cancelled, run.credentials_digest, run.tokens_limit, run.tokens_reserved,
                 run.tokens_spent, run.tasks_total, run.task_tokens, run.job_ordinal, run.job_pods, run.job_failures, run.retry_handled, run.discard_handled,
                 run.plan, run.last_error, run.created_at, run.finished_at, run.experiment_note,
                 extract(epoch FROM run.deadline_at - now())::double precision AS seconds_left,
                 extract(epoch FROM now() - run.finished_at)::double precision AS seconds_finished,
                 CASE WHEN persona.gone_at IS NULL THEN persona.queue ELSE '' END AS queue,
                 persona.suspended AS persona_suspended, persona.tokens_per_day,
                 coalesce((SELECT jsonb_typeof(revision.spec #> '{gates,emotion}') = 'object' FROM persona_revisions revision
                     WHERE revision.id = (SELECT persona_revision FROM tasks WHERE run_id = run.id LIMIT 1)), false) AS emotion_gate,
                 (SELECT paused FROM install_settings) AS paused
             FROM content_runs run JOIN personas persona ON persona.uid = run.persona_uid
             WHERE run.job_uid = $1 AND run.run_key = $2 AND run.spec_digest = $3 AND run.gone_at IS NULL
             ORDER BY run.created_at DESC LIMIT 1",
        )
        .bind(identity.job_uid)
        .bind(identity.run_key)
        .bind(identity.spec_digest)
        .fetch_optional(self.pool())
        .await?;
        let Some(run) = run else { return Ok(None) };
        let (tasks, usage, posts) = tokio::try_join!(
            self.tally(run.id),
            self.usage(run.id),
            self.first_posts(run.id)
        )?;
        Ok(Some(RunView {
            run,
            tasks,
            usage,
            posts,
        }))
    }

    async fn usage(&self, run: Uuid) -> Result<RunUsage, StoreError> {
        Ok(sqlx::query_as(
            "SELECT coalesce(sum(prompt_tokens) FILTER (WHERE NOT estimated), 0)::bigint AS prompt,
                 coalesce(sum(completion_tokens) FILTER (WHERE NOT estimated), 0)::bigint AS completion,
                 coalesce(sum(embedding_tokens) FILTER (WHERE NOT estimated), 0)::bigint AS embedding,
                 coalesce(sum(prompt_tokens + completion_tokens + embedding_tokens) FILTER (WHERE estimated), 0)::bigint AS estimated
             FROM usage WHERE run_id = $1",
        )
        .bind(run)
        .fetch_one(self.pool())
        .await?)
    }

    async fn first_posts(&self, run: Uuid) -> Result<Vec<PostRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT post.id, post.index, post.content_hash, post.hook, post.score_bp, post.emotion,
                 (SELECT trajectory_type FROM emotion_trajectories WHERE post_id = post.id ORDER BY id DESC LIMIT 1) AS trajectory,
                 post.nearest_id, post.nearest_bp, post.stand_in,
                 (SELECT arm FROM tasks WHERE id = post.task_id) AS arm
             FROM posts post WHERE post.run_id = $1 ORDER BY post.index LIMIT 10",
        )
        .bind(run)
        .fetch_all(self.pool())
        .await?)
    }

    async fn tally(&self, run: Uuid) -> Result<TaskTally, StoreError> {
        Ok(sqlx::query_as(
            "SELECT count(*) FILTER (WHERE task.status = 'queued') AS queued,
                 count(*) FILTER (WHERE task.status = 'processing') AS processing,
                 count(*) FILTER (WHERE task.status = 'parked') AS parked,
                 count(*) FILTER (WHERE task.status = 'completed') AS completed,
                 count(*) FILTER (WHERE task.status = 'failed') AS failed,
                 count(*) FILTER (WHERE task.status = 'rejected') AS rejected,
                 count(*) FILTER (WHERE task.status = 'cancelled') AS cancelled,
                 count(*) FILTER (WHERE task.status = 'dead_lettered') AS dead_lettered,
                 count(*) FILTER (WHERE task.status = 'queued' AND task.not_before > now()) AS backing_off,
                 extract(epoch FROM min(task.not_before) FILTER (WHERE task.status = 'queued' AND task.not_before > now())
                     - now())::double precision AS next_try_seconds,
                 count(*) FILTER (WHERE task.status = 'rejected' AND task.error_code = 'Duplicate') AS rejected_as_duplicate,
                 count(*) FILTER (WHERE task.status = 'rejected' AND task.error_code = 'EmotionContract') AS rejected_for_emotion,
                 count(*) FILTER (WHERE post.duplicate_of IS NOT NULL) AS flagged,
                 count(*) FILTER (WHERE task.status = 'failed' AND task.error_code = 'DeadlineExceeded') AS past_deadline,
                 count(*) FILTER (WHERE task.status IN ('failed', 'dead_lettered') AND task.error_code = 'SystemFailures') AS system_failed,
                 count(*) FILTER (WHERE task.status = 'queued' AND wake.id IS NOT NULL) AS unsent,
                 max(wake.error) FILTER (WHERE task.status = 'queued') AS unroutable,
                 count(*) FILTER (WHERE task.status = 'completed' AND task.kind = 'generate' AND post.id IS NULL) AS lost_posts,
                 count(*) AS rows
             FROM tasks task LEFT JOIN posts post ON post.task_id = task.id
             LEFT JOIN outbox wake ON wake.task_id = task.id AND wake.attempt = task.claims AND wake.sent_at IS NULL
             WHERE task.run_id = $1",
        )
        .bind(run)
        .fetch_one(self.pool())
        .await?)
    }

    /// All living runs whose rows do not add up, in one query for the drift reader.
    ///
    /// # Errors
    /// Database errors.
    pub async fn drifted_runs(&self) -> Result<Vec<DriftedRun>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT run.namespace, run.name, greatest(0, run.tasks_total - count(task.id)) AS missing_tasks,
                 count(*) FILTER (WHERE task.status = 'completed' AND task.kind = 'generate' AND post.id IS NULL) AS lost_posts
             FROM content_runs run LEFT JOIN tasks task ON task.run_id = run.id LEFT JOIN posts post ON post.task_id = task.id
             WHERE run.gone_at IS NULL AND run.tasks_total > 0
             GROUP BY run.id
             HAVING count(task.id) < run.tasks_total
                 OR count(*) FILTER (WHERE task.status = 'completed' AND task.kind = 'generate' AND post.id IS NULL) > 0",
        )
        .fetch_all(self.pool())
        .await?)
    }
}
