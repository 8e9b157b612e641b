//! `GET /variants`

use super::{MAX_VARIANTS, Variant};
use crate::{
    access::{Caller, ExperimentsRead},
    input::{QueryOf, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::{IntoParams, ToSchema};

const MAX_VALUE: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VariantQuery {
    hook_style: Option<String>,
    tone: Option<String>,
    length: Option<String>,
    /// Only those with at least so many impressions.
    min_impressions: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VariantList {
    variants: Vec<Variant>,
    total_count: usize,
}

/// Lists variants, most shown first; at most 1,000.
#[utoipa::path(get, path = "/variants", tag = "variants", params(VariantQuery), security(("key" = ["experiments:read"])),
    responses((status = 200, body = VariantList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_variants(
    State(app): State<App>,
    caller: Caller<ExperimentsRead>,
    QueryOf(query): QueryOf<VariantQuery>,
) -> Result<Json<VariantList>, Problem> {
    let mut dimensions = Map::new();
    for (name, value) in [
        ("hook_style", query.hook_style),
        ("tone", query.tone),
        ("length", query.length),
    ] {
        if let Some(value) = value {
            check_name(name, &value, MAX_VALUE)?;
            dimensions.insert(name.to_owned(), value.into());
        }
    }
    let least = i64::from(query.min_impressions.unwrap_or(0));
    let rows = app
        .store
        .variants(&caller.namespace, &dimensions, least, MAX_VARIANTS)
        .await?;
    Ok(Json(VariantList {
        total_count: rows.len(),
        variants: rows.into_iter().map(Variant::from).collect(),
    }))
}
