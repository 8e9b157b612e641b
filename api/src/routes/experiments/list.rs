//! `GET /experiments`

use crate::{
    access::{Caller, ExperimentsRead},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::experiments::ExperimentSummary;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// All experiments of the namespace.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExperimentList {
    items: Vec<ExperimentView>,
}

/// How far an experiment came. What is not known is absent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentView {
    pub name: String,
    /// By which its posts can be listed once the name is another's.
    pub uid: Uuid,
    /// `draft`, `active`, `paused` or `completed`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// `decided`, `cancelled` or `gone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Name of the arm that the verdict names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<DateTime<Utc>>,
}

impl From<ExperimentSummary> for ExperimentView {
    fn from(row: ExperimentSummary) -> Self {
        let state = match (row.ended_at.is_some() || row.gone, row.started_at.is_some()) {
            (true, _) => "completed",
            (false, false) => "draft",
            (false, true) if row.suspended => "paused",
            (false, true) => "active",
        };
        Self {
            name: row.name,
            uid: row.uid,
            state,
            persona: row.persona,
            started_at: row.started_at,
            ended_at: row.ended_at,
            ended_reason: row.ended_reason,
            verdict: row.verdict,
            winner: row.winner,
            evaluated_at: row.evaluated_at,
        }
    }
}

/// Lists experiments.
#[utoipa::path(get, path = "/experiments", tag = "experiments", security(("key" = ["experiments:read"])),
    responses((status = 200, body = ExperimentList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_experiments(
    State(app): State<App>,
    caller: Caller<ExperimentsRead>,
) -> Result<Json<ExperimentList>, Problem> {
    let rows = app.store.experiments(&caller.namespace).await?;
    Ok(Json(ExperimentList {
        items: rows.into_iter().map(ExperimentView::from).collect(),
    }))
}
