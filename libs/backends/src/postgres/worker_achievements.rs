//! What a worker that analyses achievements may do: call the functions of `20261123002200_achievement_analysis.sql`, within its own
//! namespace.

use super::{StoreError, migrate, worker::RunState};
use domain::{
    achievement::{Analysis, EmbeddingSettings, Subject},
    tasks::TaskFailure,
};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions, types::Json};
use std::time::Duration;
use uuid::Uuid;

/// Connections of one worker: one for the attempt, one for its heartbeat.
const POOL_SIZE: u32 = 2;

/// A worker's view of the records that are to be analysed.
#[derive(Debug, Clone)]
pub struct AnalysisStore {
    pool: PgPool,
}

/// Which task a worker asks for.
#[derive(Debug, Clone)]
pub struct AnalysisClaim {
    /// Source whose Secrets are mounted; the nil UUID for records without one.
    pub source_uid: Uuid,
    /// Newest analysis protocol that the caller understands.
    pub protocol: i32,
    pub credentials_digest: String,
    /// Name of the Pod.
    pub worker: String,
    pub lease: Duration,
}

/// A claimed task: one version of a record's facts, and with what it is compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisTask {
    pub id: Uuid,
    /// Only a commit that names this token counts.
    pub lease_token: Uuid,
    pub namespace: String,
    pub facts_version: i32,
    pub retry_count: i32,
    pub max_attempts: i32,
    pub subject: Subject,
    /// Lower case; duplicates are looked for among records that share one.
    pub logins: Vec<String>,
    /// Absent: the record is analysed and not compared.
    pub embedding: Option<EmbeddingSettings>,
    pub collection: Option<String>,
    /// The database's clock before any similarity query: points stored later are compared at the commit.
    pub queried_at: String,
}

/// A vector, and what the index found near it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Unit length.
    pub vector: Vec<f32>,
    pub model: String,
    pub collection: String,
    /// Ids of points that may be duplicates; the commit measures them anew.
    pub near: Vec<Uuid>,
    /// Similarity from which two records are duplicates, basis points.
    pub threshold_bp: i32,
}

/// What a commit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Analysed {
    /// False where a newer analysis is in force, or the record was deleted.
    pub stored: bool,
    /// The facts moved on meanwhile; a task of their own is queued.
    pub stale: bool,
    /// The earlier record that says the same of the same person, or the one that a person named.
    #[serde(default)]
    pub duplicate_of: Option<Uuid>,
    #[serde(default)]
    pub duplicate_bp: Option<i32>,
}

impl AnalysisStore {
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

    /// Claims the oldest claimable task, or none. A record that this build cannot read is a failed attempt of its own task and holds
    /// no other back (FAULTS 14).
    ///
    /// # Errors
    /// Database errors.
    pub async fn claim(&self, request: &AnalysisClaim) -> Result<Option<AnalysisTask>, StoreError> {
        while let Some(claimed) = self.claim_raw(request).await? {
            match serde_json::from_value(claimed.clone()) {
                Ok(task) => return Ok(Some(task)),
                Err(error) => self.refuse(&claimed, &error).await?,
            }
        }
        Ok(None)
    }

    async fn claim_raw(&self, request: &AnalysisClaim) -> Result<Option<Value>, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT claim_achievement_task($1, $2, $3, $4, $5)")
                .bind(request.source_uid)
                .bind(request.protocol)
                .bind(&request.credentials_digest)
                .bind(&request.worker)
                .bind(seconds(request.lease))
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Within the attempt limit, because a newer worker may be able to read it.
    async fn refuse(&self, claimed: &Value, error: &serde_json::Error) -> Result<(), StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Leased {
            id: Uuid,
            lease_token: Uuid,
        }
        let Leased { id, lease_token } = Leased::deserialize(claimed)?;
        tracing::error!(task = %id, %error, "this build cannot read the record");
        sqlx::query("SELECT fail_achievement_task($1, $2, 'bug', 'Unreadable', $3, NULL)")
            .bind(id)
            .bind(lease_token)
            .bind(format!("this worker cannot read the record: {error}"))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Prolongs the lease; false where the attempt shall be abandoned.
    ///
    /// # Errors
    /// Database errors.
    pub async fn extend(&self, task: &AnalysisTask, lease: Duration) -> Result<bool, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT extend_achievement_lease($1, $2, $3)")
                .bind(task.id)
                .bind(task.lease_token)
                .bind(seconds(lease))
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Stores what was concluded, and the links between records that are alike, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where another worker has the task, or database errors.
    pub async fn complete(
        &self,
        task: &AnalysisTask,
        analysis: &Analysis,
        comparison: Option<&Comparison>,
    ) -> Result<Analysed, StoreError> {
        let Json(analysed): Json<Analysed> = sqlx::query_scalar(
            "SELECT complete_achievement_task($1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz, $10)",
        )
        .bind(task.id)
        .bind(task.lease_token)
        .bind(task.facts_version)
        .bind(Json(analysis))
        .bind(comparison.map(|it| &it.vector))
        .bind(comparison.map(|it| &it.model))
        .bind(comparison.map(|it| &it.collection))
        .bind(comparison.map(|it| &it.near))
        .bind(&task.queried_at)
        .bind(comparison.map(|it| it.threshold_bp))
        .fetch_one(&self.pool)
        .await?;
        Ok(analysed)
    }

    /// Ends an attempt without a result; answers the task's new status.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn fail(
        &self,
        task: &AnalysisTask,
        failure: &TaskFailure,
    ) -> Result<String, StoreError> {
        Ok(
            sqlx::query_scalar("SELECT fail_achievement_task($1, $2, $3, $4, $5, $6)")
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
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// Gives a task back; no attempt is counted.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], or database errors.
    pub async fn release(&self, task: &AnalysisTask) -> Result<(), StoreError> {
        sqlx::query("SELECT release_achievement_task($1, $2)")
            .bind(task.id)
            .bind(task.lease_token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether rows wait for a Pod like this one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn state(&self, request: &AnalysisClaim) -> Result<RunState, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            open: bool,
            wait_ms: Option<u64>,
        }
        let Json(answer): Json<Answer> = sqlx::query_scalar("SELECT analysis_state($1, $2)")
            .bind(request.source_uid)
            .bind(&request.credentials_digest)
            .fetch_one(&self.pool)
            .await?;
        Ok(RunState {
            open: answer.open,
            wait: answer.wait_ms.map(Duration::from_millis),
        })
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs().max(1)).unwrap_or(i32::MAX)
}
