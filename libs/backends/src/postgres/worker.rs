//! What a worker may do: call the functions of `20261123000300_worker_functions.sql` and its followers, within its own namespace.

use super::{StoreError, migrate};
use domain::tasks::{ClaimedTask, TaskFailure, TokenUsage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// Connections of one worker: one for the attempt, one for its heartbeat.
const POOL_SIZE: u32 = 2;

/// A worker's view of the store.
#[derive(Debug, Clone)]
pub struct WorkerStore {
    pub(super) pool: PgPool,
}

/// Which task a worker asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    pub persona_uid: Uuid,
    /// Newest worker protocol that the caller understands.
    pub protocol: i32,
    /// Digest of the Secrets that are mounted, see `PersonaRevision::credentials_digest`.
    pub credentials_digest: String,
    /// Name of the Pod.
    pub worker: String,
    pub lease: Duration,
}

/// The row of a finished post; field names are what `complete_task` reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostRecord {
    pub id: Uuid,
    pub persona: String,
    pub hook: String,
    pub body: String,
    pub content_hash: String,
    pub model: String,
    pub stand_in: bool,
    pub score_bp: Option<i32>,
    pub score: Value,
    pub emotion: Option<String>,
    pub guardrails: Value,
    pub nearest_id: Option<Uuid>,
    pub nearest_bp: Option<i32>,
    pub duplicate_of: Option<Uuid>,
    pub cost_micros: Option<i64>,
    pub collection: String,
    pub embedding_model: String,
    pub metadata: Value,
}

/// Everything that one commit stores.
#[derive(Debug, Clone)]
pub struct CompletedPost {
    pub post: PostRecord,
    pub embedding: Vec<f32>,
    /// Columns of `emotion_trajectories`; absent where the language is not supported.
    pub trajectory: Option<Value>,
    pub usage: TokenUsage,
    /// The database's clock before the similarity query: posts committed later are compared again at the commit.
    pub queried_at: String,
}

/// What a commit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    Committed,
    /// Nothing was stored: a post committed meanwhile is too similar.
    Duplicate {
        of: Uuid,
        similarity_bp: i32,
    },
}

/// Whether a run still needs its Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunState {
    pub open: bool,
    /// Until the run's next queued task may be claimed; absent where none is queued.
    pub wait: Option<Duration>,
}

impl WorkerStore {
    /// Prepares the pool without connecting.
    ///
    /// # Errors
    /// A URL that does not parse.
    pub fn connect_lazy(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy(url)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?;
        Ok(Self { pool })
    }

    /// # Errors
    /// No connection, or a schema that this build does not understand.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let found: i32 = sqlx::query_scalar("SELECT worker_schema_version()")
            .fetch_one(&self.pool)
            .await?;
        migrate::check_version(found)
    }

    /// Claims the best claimable task, or none.
    ///
    /// # Errors
    /// Database errors, or a row that this build cannot read.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Option<ClaimedTask>, StoreError> {
        let claimed: Option<Json<ClaimedTask>> =
            sqlx::query_scalar("SELECT claim_task($1, $2, $3, $4, $5)")
                .bind(request.persona_uid)
                .bind(request.protocol)
                .bind(&request.credentials_digest)
                .bind(&request.worker)
                .bind(seconds(request.lease))
                .fetch_one(&self.pool)
                .await?;
        Ok(claimed.map(|Json(task)| task))
    }

    /// Prolongs the lease; false where the attempt shall be abandoned.
    ///
    /// # Errors
    /// Database errors.
    pub async fn extend(&self, task: &ClaimedTask, lease: Duration) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT extend_lease($1, $2, $3)")
            .bind(task.id)
            .bind(task.lease_token)
            .bind(seconds(lease))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Stores post, embedding, trajectory and usage in one transaction. `notify` wakes the operator.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another worker has the task, or database errors.
    pub async fn complete(
        &self,
        task: &ClaimedTask,
        done: &CompletedPost,
        notify: bool,
    ) -> Result<CommitOutcome, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            committed: bool,
            duplicate_of: Option<Uuid>,
            similarity_bp: Option<i32>,
        }
        let Json(answer): Json<Answer> =
            sqlx::query_scalar("SELECT complete_task($1, $2, $3, $4, $5, $6, $7::timestamptz, $8)")
                .bind(task.id)
                .bind(task.lease_token)
                .bind(Json(&done.post))
                .bind(&done.embedding)
                .bind(done.trajectory.as_ref().map(Json))
                .bind(Json(&done.usage))
                .bind(&done.queried_at)
                .bind(notify)
                .fetch_one(&self.pool)
                .await?;
        match (answer.committed, answer.duplicate_of) {
            (false, Some(of)) => Ok(CommitOutcome::Duplicate {
                of,
                similarity_bp: answer.similarity_bp.unwrap_or_default(),
            }),
            _ => Ok(CommitOutcome::Committed),
        }
    }

    /// Stores the result of a plan.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn complete_plan(
        &self,
        task: &ClaimedTask,
        plan: &Value,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        sqlx::query("SELECT complete_plan($1, $2, $3, $4, $5)")
            .bind(task.id)
            .bind(task.lease_token)
            .bind(Json(plan))
            .bind(model)
            .bind(Json(usage))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Stores the embedding of an edited post; answers its version, or none where the post was edited again meanwhile.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn complete_embedding(
        &self,
        task: &ClaimedTask,
        embedding: &[f32],
        model: &str,
        usage: &TokenUsage,
    ) -> Result<Option<i32>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT complete_embedding($1, $2, $3, $4, $5, $6)")
                .bind(task.id)
                .bind(task.lease_token)
                .bind(embedding)
                .bind(&task.persona.vectors.collection)
                .bind(model)
                .bind(Json(usage))
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Ends an attempt that made no post; answers the task's new status.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn fail(
        &self,
        task: &ClaimedTask,
        failure: &TaskFailure,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<String, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT fail_task($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(task.id)
                .bind(task.lease_token)
                .bind(failure.class.as_str())
                .bind(&failure.code)
                .bind(&failure.message)
                .bind(
                    failure
                        .retry_after_seconds
                        .map(|wait| i32::try_from(wait).unwrap_or(i32::MAX)),
                )
                .bind(model)
                .bind(Json(usage))
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Ends a task whose every text a gate refused.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn reject(
        &self,
        task: &ClaimedTask,
        code: &str,
        message: &str,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        sqlx::query("SELECT reject_task($1, $2, $3, $4, $5, $6)")
            .bind(task.id)
            .bind(task.lease_token)
            .bind(code)
            .bind(message)
            .bind(model)
            .bind(Json(usage))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives a task back: no attempt is counted, what its calls used is charged.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn release(
        &self,
        task: &ClaimedTask,
        model: &str,
        usage: &TokenUsage,
    ) -> Result<(), StoreError> {
        sqlx::query("SELECT release_task($1, $2, $3, $4)")
            .bind(task.id)
            .bind(task.lease_token)
            .bind(model)
            .bind(Json(usage))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// Database errors.
    pub async fn run_state(&self, run: Uuid) -> Result<RunState, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            open: bool,
            wait_ms: Option<u64>,
        }
        let Json(answer): Json<Answer> = sqlx::query_scalar("SELECT run_state($1)")
            .bind(run)
            .fetch_one(&self.pool)
            .await?;
        Ok(RunState {
            open: answer.open,
            wait: answer.wait_ms.map(Duration::from_millis),
        })
    }

    /// The database's clock, to be read before a similarity query.
    ///
    /// # Errors
    /// Database errors.
    pub async fn now(&self) -> Result<String, StoreError> {
        Ok(sqlx::query_scalar("SELECT clock_timestamp()::text")
            .fetch_one(&self.pool)
            .await?)
    }

    /// Records that the points of these posts (id, embedding version) are in the index.
    ///
    /// # Errors
    /// Database errors.
    pub async fn mark_points_stored(&self, points: &[(Uuid, i32)]) -> Result<(), StoreError> {
        let (ids, versions): (Vec<Uuid>, Vec<i32>) = points.iter().copied().unzip();
        sqlx::query("SELECT mark_points_stored($1, $2)")
            .bind(ids)
            .bind(versions)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs().max(1)).unwrap_or(i32::MAX)
}
