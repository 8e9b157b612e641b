//! `POST /variants/{id}/performance`

use super::{NO_SUCH_VARIANT, Variant, check_id};
use crate::{
    access::{Caller, OutcomesWrite},
    input::{JsonBody, PathOf},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::variants::Reported;
use serde::Deserialize;
use utoipa::ToSchema;

const MAX_BATCH: u32 = 1_000_000;

/// How often the variant was shown or succeeded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Performance {
    #[serde(default)]
    impression: bool,
    /// A success without an impression counts as both.
    #[serde(default)]
    success: bool,
    /// 1 where absent.
    batch_size: Option<u32>,
}

/// Adds to a variant's counts.
#[utoipa::path(post, path = "/variants/{id}/performance", tag = "variants", params(("id" = String, Path)), request_body = Performance,
    security(("key" = ["outcomes:write"])),
    responses((status = 200, body = Variant), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn report_performance(
    State(app): State<App>,
    caller: Caller<OutcomesWrite>,
    PathOf(id): PathOf<String>,
    JsonBody(told): JsonBody<Performance>,
) -> Result<Json<Variant>, Problem> {
    check_id(&id)?;
    let batch = told.batch_size.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&batch) {
        return Err(Problem::unprocessable(format!(
            "batch_size must be from 1 to {MAX_BATCH}"
        )));
    }
    if !told.impression && !told.success {
        return Err(Problem::unprocessable(
            "say impression, success, or both: nothing was reported",
        ));
    }
    let successes = if told.success { i64::from(batch) } else { 0 };
    match app
        .store
        .report_variant(&caller.namespace, &id, i64::from(batch), successes)
        .await?
    {
        Reported::Counted(row) => Ok(Json(row.into())),
        Reported::NoSuchVariant => Err(Problem::not_found(NO_SUCH_VARIANT)),
    }
}
