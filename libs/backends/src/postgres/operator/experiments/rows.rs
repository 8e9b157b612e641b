//! An experiment as its row has it, and the values that its JSON columns hold.

use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::experiment::{Design, Evaluation, canary::Canary};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{FromRow, Postgres, Row, Transaction, postgres::PgRow, types::Json};
use uuid::Uuid;

/// Which resource an experiment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExperimentIdentity<'a> {
    /// `metadata.uid` of the living resource.
    pub object_uid: Uuid,
    pub namespace: &'a str,
    pub namespace_uid: Uuid,
    pub name: &'a str,
}

/// What an arm means for a task: a version of a prompt, and values of its variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArmRecord {
    pub name: String,
    /// Absent where the arm keeps the prompt that the task would have had without the experiment.
    pub prompt_digest: Option<String>,
    pub version: Option<String>,
    pub variables: Map<String, Value>,
}

/// Why an experiment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its evaluation came to a verdict.
    Decided,
    /// A person cancelled it.
    Cancelled,
    /// Its resource is gone from the cluster; a re-applied one goes on with it.
    Gone,
}

impl EndReason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Cancelled => "cancelled",
            Self::Gone => "gone",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Decided, Self::Cancelled, Self::Gone]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// The row.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentRow {
    /// Identity of the experiment: the uid of the first resource of it.
    pub uid: Uuid,
    /// The living resource.
    pub object_uid: Uuid,
    pub namespace: String,
    pub namespace_uid: Uuid,
    pub name: String,
    pub persona_uid: Uuid,
    pub design: Design,
    pub design_digest: String,
    pub arms: Vec<ArmRecord>,
    pub started_at: Option<DateTime<Utc>>,
    pub suspended: bool,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_reason: Option<EndReason>,
    pub verdict: Option<String>,
    pub winner: Option<String>,
    /// Digest of what the last evaluation counted.
    pub inputs_digest: Option<String>,
    pub evaluation: Option<Evaluation>,
    pub evaluated_at: Option<DateTime<Utc>>,
    pub weight_epoch: i32,
    pub canary: Option<Canary>,
    pub canary_at: Option<DateTime<Utc>>,
    pub pruned_at: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

impl ExperimentRow {
    /// Whether units are assigned, matured and evaluated.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.started_at.is_some() && self.ended_at.is_none() && self.gone_at.is_none()
    }
}

impl FromRow<'_, PgRow> for ExperimentRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let Json(design) = row.try_get("design")?;
        let Json(arms) = row.try_get("arms")?;
        let evaluation: Option<Json<Evaluation>> = row.try_get("evaluation")?;
        let canary: Option<Json<Canary>> = row.try_get("canary")?;
        let reason: Option<String> = row.try_get("ended_reason")?;
        let uid = row.try_get("uid")?;
        let object: Option<Uuid> = row.try_get("object_uid")?;
        Ok(Self {
            uid,
            object_uid: object.unwrap_or(uid),
            namespace: row.try_get("namespace")?,
            namespace_uid: row.try_get("namespace_uid")?,
            name: row.try_get("name")?,
            persona_uid: row.try_get("persona_uid")?,
            design,
            design_digest: row.try_get("design_digest")?,
            arms,
            started_at: row.try_get("started_at")?,
            suspended: row.try_get("suspended")?,
            ended_at: row.try_get("ended_at")?,
            ended_reason: reason.as_deref().and_then(EndReason::parse),
            verdict: row.try_get("verdict")?,
            winner: row.try_get("winner")?,
            inputs_digest: row.try_get("inputs_digest")?,
            evaluation: evaluation.map(|Json(evaluation)| evaluation),
            evaluated_at: row.try_get("evaluated_at")?,
            weight_epoch: row.try_get("weight_epoch")?,
            canary: canary.map(|Json(canary)| canary),
            canary_at: row.try_get("canary_at")?,
            pruned_at: row.try_get("pruned_at")?,
            gone_at: row.try_get("gone_at")?,
        })
    }
}

impl OperatorStore {
    /// The experiment of a resource; none before it was written.
    ///
    /// # Errors
    /// Database errors.
    pub async fn experiment_of(
        &self,
        object_uid: Uuid,
    ) -> Result<Option<ExperimentRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM experiments WHERE coalesce(object_uid, uid) = $1 ORDER BY created_at DESC LIMIT 1",
        )
        .bind(object_uid)
        .fetch_optional(self.pool())
        .await?)
    }

    /// The living persona of a name; none before its own controller wrote the row.
    ///
    /// # Errors
    /// Database errors.
    pub async fn living_persona(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT uid FROM personas WHERE namespace = $1 AND name = $2 AND gone_at IS NULL",
        )
        .bind(namespace)
        .bind(name)
        .fetch_optional(self.pool())
        .await?)
    }

    /// The living experiment of a name.
    ///
    /// # Errors
    /// Database errors.
    pub async fn experiment_named(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<ExperimentRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM experiments WHERE namespace = $1 AND name = $2 ORDER BY gone_at IS NOT NULL, created_at DESC LIMIT 1",
        )
        .bind(namespace)
        .bind(name)
        .fetch_optional(self.pool())
        .await?)
    }
}

/// The row of an experiment, locked until the transaction ends.
pub(super) async fn lock(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<ExperimentRow, StoreError> {
    sqlx::query_as("SELECT * FROM experiments WHERE uid = $1 FOR NO KEY UPDATE")
        .bind(uid)
        .fetch_optional(&mut **transaction)
        .await?
        .ok_or_else(|| StoreError::Invalid(format!("experiment {uid} has no row")))
}
