//! `GET /variants/{id}/stats`

use super::{NO_SUCH_VARIANT, check_id, posterior};
use crate::{
    access::{Caller, ExperimentsRead},
    input::{PathOf, QueryOf},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use domain::statistics::bayes::Posterior;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// Probability of the interval, between 0 and 1; 0.95 where absent.
    confidence: Option<f64>,
}

/// The posterior of a variant's rate under a uniform prior.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stats {
    variant_id: String,
    impressions: i64,
    successes: i64,
    alpha: f64,
    beta: f64,
    mean: f64,
    variance: f64,
    confidence: f64,
    /// Ends of the equal-tailed credible interval; absent where the counts are too large for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<[f64; 2]>,
}

/// Reads the posterior of a variant's rate. For display; it claims no error rate.
#[utoipa::path(get, path = "/variants/{id}/stats", tag = "variants", params(("id" = String, Path), StatsQuery),
    security(("key" = ["experiments:read"])),
    responses((status = 200, body = Stats), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_stats(
    State(app): State<App>,
    caller: Caller<ExperimentsRead>,
    PathOf(id): PathOf<String>,
    QueryOf(query): QueryOf<StatsQuery>,
) -> Result<Json<Stats>, Problem> {
    check_id(&id)?;
    let confidence = query.confidence.unwrap_or(0.95);
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(Problem::invalid("confidence must lie between 0 and 1"));
    }
    let row = app
        .store
        .variant(&caller.namespace, &id)
        .await?
        .ok_or_else(|| Problem::not_found(NO_SUCH_VARIANT))?;
    let (alpha, beta) = posterior(&row);
    let sum = alpha + beta;
    let interval = Posterior::beta(alpha, beta)
        .and_then(|posterior| posterior.credible_interval(1.0 - confidence));
    Ok(Json(Stats {
        variant_id: row.variant_id,
        impressions: row.impressions,
        successes: row.successes,
        alpha,
        beta,
        mean: alpha / sum,
        variance: (alpha / sum) * (beta / sum) / (sum + 1.0),
        confidence,
        interval: interval.map(|interval| [interval.lower, interval.upper]),
    }))
}
