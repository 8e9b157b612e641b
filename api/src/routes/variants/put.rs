//! `PUT /variants/{id}`

use super::{Variant, check_id};
use crate::{
    access::{Caller, ExperimentsWrite},
    input::{JsonBody, PathOf, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const MAX_DIMENSIONS: usize = 20;
const MAX_WORD: usize = 100;

/// What makes the variant, for example hook_style, tone, length, emotion, format.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dimensions {
    dimensions: BTreeMap<String, String>,
}

/// Makes a variant without any counts, or gives one other dimensions.
#[utoipa::path(put, path = "/variants/{id}", tag = "variants", params(("id" = String, Path)), request_body = Dimensions,
    security(("key" = ["experiments:write"])),
    responses((status = 200, body = Variant), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn put_variant(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    PathOf(id): PathOf<String>,
    JsonBody(told): JsonBody<Dimensions>,
) -> Result<Json<Variant>, Problem> {
    check_id(&id)?;
    if told.dimensions.len() > MAX_DIMENSIONS {
        return Err(Problem::unprocessable(format!(
            "a variant has at most {MAX_DIMENSIONS} dimensions"
        )));
    }
    for (name, value) in &told.dimensions {
        check_name("the name of a dimension", name, MAX_WORD)?;
        check_name(name, value, MAX_WORD)?;
    }
    let dimensions = told
        .dimensions
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let row = app
        .store
        .put_variant(&caller.namespace, &id, &dimensions)
        .await?;
    Ok(Json(row.into()))
}
