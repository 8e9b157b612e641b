//! Experiments as the API shows them. Decisions and promotions are the operator's alone.

use super::ApiStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::experiment::{Design, Evaluation};
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// An experiment in a list.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ExperimentSummary {
    pub uid: Uuid,
    pub name: String,
    pub persona: Option<String>,
    pub started_at: Option<DateTime<Utc>>,
    pub suspended: bool,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_reason: Option<String>,
    pub verdict: Option<String>,
    pub winner: Option<String>,
    pub evaluated_at: Option<DateTime<Utc>>,
    /// Its resource is gone from the cluster.
    pub gone: bool,
}

/// Everything that was found out about one.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentResults {
    pub summary: ExperimentSummary,
    pub design: Design,
    /// Absent before the first evaluation.
    pub evaluation: Option<Evaluation>,
    /// Outcomes by what became of them.
    pub fates: BTreeMap<String, i64>,
}

macro_rules! summary {
    ($more:literal) => {
        concat!(
            "SELECT DISTINCT ON (experiment.name) experiment.uid, experiment.name, persona.name AS persona, experiment.started_at,
                 experiment.suspended, experiment.ended_at, experiment.ended_reason, experiment.verdict, experiment.winner,
                 experiment.evaluated_at, experiment.gone_at IS NOT NULL AS gone",
            $more,
            " FROM experiments experiment LEFT JOIN personas persona ON persona.uid = experiment.persona_uid
             WHERE $1::text IS NULL OR experiment.name = $1
             ORDER BY experiment.name, experiment.gone_at IS NOT NULL, experiment.created_at DESC"
        )
    };
}

#[derive(sqlx::FromRow)]
struct ResultRow {
    #[sqlx(flatten)]
    summary: ExperimentSummary,
    design: Json<Design>,
    evaluation: Option<Json<Evaluation>>,
}

impl ApiStore {
    /// All experiments of the namespace by name; of several of one name the living one, else the newest.
    ///
    /// # Errors
    /// Database errors.
    pub async fn experiments(&self, namespace: &str) -> Result<Vec<ExperimentSummary>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let rows = sqlx::query_as(summary!(""))
            .bind(None::<&str>)
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// None where the namespace has no experiment of this name.
    ///
    /// # Errors
    /// Database errors, or a row of a newer build.
    pub async fn experiment_results(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<ExperimentResults>, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let row: Option<ResultRow> =
            sqlx::query_as(summary!(", experiment.design, experiment.evaluation"))
                .bind(name)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let fates: Vec<(String, i64)> = sqlx::query_as(
            "SELECT fate, sum(outcomes)::bigint FROM outcome_fates WHERE experiment_uid = $1 GROUP BY fate",
        )
        .bind(row.summary.uid)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(ExperimentResults {
            summary: row.summary,
            design: row.design.0,
            evaluation: row.evaluation.map(|Json(evaluation)| evaluation),
            fates: fates.into_iter().collect(),
        }))
    }
}
