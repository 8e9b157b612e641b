//! `POST /analytics/roi`

use crate::{
    access::{AchievementsRead, Caller},
    input::{JsonBody, check_name},
    problem::Problem,
};
use axum::Json;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Amounts beyond it are no money.
const MOST: f64 = 1e15;

/// One sum of money, and what it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What it was earned or spent for.
    what: String,
    /// 0 or more, in the currency of the request.
    amount: f64,
}

/// Figures of the caller's own; none is taken from achievements.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoiRequest {
    /// ISO 4217, for example EUR; nothing is converted.
    currency: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    gains: Vec<Term>,
    #[serde(default)]
    costs: Vec<Term>,
}

/// (gain − cost) / cost over the period, with every term.
#[derive(Debug, Serialize, ToSchema)]
pub struct Roi {
    currency: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    gains: Vec<Term>,
    costs: Vec<Term>,
    gain: f64,
    cost: f64,
    /// A ratio: 0.5 is a gain of half the cost. Absent with `reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    roi: Option<f64>,
    /// Why there is no ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Computes the return on what was spent.
///
/// From the given figures alone. Without a cost there is no return, and the answer says so.
#[utoipa::path(post, path = "/analytics/roi", tag = "achievements", request_body = RoiRequest, security(("key" = ["achievements:read"])),
    responses((status = 200, body = Roi), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn roi(
    _caller: Caller<AchievementsRead>,
    JsonBody(request): JsonBody<RoiRequest>,
) -> Result<Json<Roi>, Problem> {
    if request.currency.len() != 3 || !request.currency.bytes().all(|it| it.is_ascii_uppercase()) {
        return Err(Problem::unprocessable(
            "currency must be a code of ISO 4217, for example EUR",
        ));
    }
    if request.from >= request.to {
        return Err(Problem::unprocessable("from must lie before to"));
    }
    let gain = total("gains", &request.gains)?;
    let cost = total("costs", &request.costs)?;
    let reason = if request.costs.is_empty() {
        Some("no cost was given")
    } else if cost == 0.0 {
        Some("the costs add up to nothing, and nothing can be divided by them")
    } else {
        None
    };
    Ok(Json(Roi {
        roi: reason.is_none().then(|| (gain - cost) / cost),
        reason: reason.map(str::to_owned),
        currency: request.currency,
        from: request.from,
        to: request.to,
        gains: request.gains,
        costs: request.costs,
        gain,
        cost,
    }))
}

fn total(field: &str, terms: &[Term]) -> Result<f64, Problem> {
    if terms.len() > 100 {
        return Err(Problem::unprocessable(format!(
            "{field} must be at most 100"
        )));
    }
    for term in terms {
        check_name(&format!("{field}.what"), &term.what, 200)?;
        if !(0.0..=MOST).contains(&term.amount) {
            return Err(Problem::unprocessable(format!(
                "{field}.amount must be 0 or more, and at most 10^15"
            )));
        }
    }
    Ok(terms.iter().map(|term| term.amount).sum())
}
