//! `POST /variants/select`

use super::{MAX_VARIANTS, Variant, posterior};
use crate::{
    access::{Caller, ExperimentsRead},
    input::JsonBody,
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::variants::VariantRow;
use domain::statistics::distributions::beta_quantile;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

/// Impressions from which a variant counts as experienced.
const EXPERIENCED: i64 = 100;
/// Share of the places that newcomers get under exploration.
const NEWCOMERS: f64 = 0.3;

/// How many, and how they are chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// More than there are gives all there are.
    top_k: u32,
    /// `thompson_sampling` (where absent) or `thompson_sampling_exploration`.
    algorithm: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Selected {
    algorithm: String,
    selected: Vec<Variant>,
}

/// Chooses variants by Thompson sampling: each draws from Beta(successes + 1, failures + 1), and the highest draws are taken.
///
/// Under exploration 30 % of the places go to variants with fewer than 100 impressions, as far as there are any. Drawn anew at
/// each call; what an Experiment assigns does not depend on it.
#[utoipa::path(post, path = "/variants/select", tag = "variants", request_body = Selection, security(("key" = ["experiments:read"])),
    responses((status = 200, body = Selected), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn select_variants(
    State(app): State<App>,
    caller: Caller<ExperimentsRead>,
    JsonBody(told): JsonBody<Selection>,
) -> Result<Json<Selected>, Problem> {
    if told.top_k == 0 {
        return Err(Problem::unprocessable("top_k must be at least 1"));
    }
    let algorithm = told
        .algorithm
        .unwrap_or_else(|| "thompson_sampling".to_owned());
    let newcomers = match algorithm.as_str() {
        "thompson_sampling" => 0.0,
        "thompson_sampling_exploration" => NEWCOMERS,
        _ => {
            return Err(Problem::invalid(
                "algorithm must be thompson_sampling or thompson_sampling_exploration",
            ));
        }
    };
    let rows = app
        .store
        .variants(&caller.namespace, &Map::new(), 0, MAX_VARIANTS)
        .await?;
    let drawn = rows
        .into_iter()
        .map(|row| (draw(&row, rand::random()), row))
        .collect();
    let selected = choose(drawn, told.top_k as usize, newcomers);
    Ok(Json(Selected {
        algorithm,
        selected: selected.into_iter().map(Variant::from).collect(),
    }))
}

/// The quantile of the posterior at a uniform number is a draw from it.
fn draw(row: &VariantRow, uniform: f64) -> f64 {
    let (alpha, beta) = posterior(row);
    if alpha.max(beta) > 1e8 {
        return alpha / (alpha + beta);
    }
    beta_quantile(uniform, alpha, beta)
}

/// The highest draws; a share of the places is kept for newcomers, and whatever they leave is filled up.
fn choose(mut drawn: Vec<(f64, VariantRow)>, places: usize, newcomers: f64) -> Vec<VariantRow> {
    drawn.sort_by(|one, other| other.0.total_cmp(&one.0));
    let kept = (places.min(drawn.len()) as f64 * newcomers).floor() as usize;
    let (new, experienced): (Vec<_>, Vec<_>) = drawn
        .into_iter()
        .partition(|(_, row)| kept > 0 && row.impressions < EXPERIENCED);
    let mut new = new.into_iter();
    let mut chosen: Vec<_> = new.by_ref().take(kept).collect();
    let mut rest: Vec<_> = new.chain(experienced).collect();
    rest.sort_by(|one, other| other.0.total_cmp(&one.0));
    let free = places.saturating_sub(chosen.len());
    chosen.extend(rest.into_iter().take(free));
    chosen.sort_by(|one, other| other.0.total_cmp(&one.0));
    chosen.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use sqlx::types::Json;

    fn variant(id: &str, impressions: i64) -> VariantRow {
        VariantRow {
            variant_id: id.to_owned(),
            dimensions: Json(Map::new()),
            impressions,
            successes: impressions / 10,
            last_used: Utc::now(),
            created_at: Utc::now(),
        }
    }

    #[test]
    fn newcomers_get_their_share_and_no_place_stays_empty() {
        let drawn = |newcomers: usize| -> Vec<(f64, VariantRow)> {
            let old =
                (0..10).map(|n| (0.5 + f64::from(n) / 100.0, variant(&format!("old{n}"), 500)));
            let new = (0..newcomers).map(|n| (0.1, variant(&format!("new{n}"), 5)));
            old.chain(new).collect()
        };
        let fresh =
            |chosen: &[VariantRow]| chosen.iter().filter(|row| row.impressions < 100).count();
        let plain = choose(drawn(5), 10, 0.0);
        assert_eq!((plain.len(), fresh(&plain)), (10, 0));
        let exploring = choose(drawn(5), 10, 0.3);
        assert_eq!((exploring.len(), fresh(&exploring)), (10, 3));
        let few = choose(drawn(1), 10, 0.3);
        assert_eq!((few.len(), fresh(&few)), (10, 1));
        assert_eq!(choose(drawn(5), 99, 0.3).len(), 15);
        assert!(choose(Vec::new(), 3, 0.3).is_empty());
    }

    #[test]
    fn draws_lie_between_none_and_all() {
        for (impressions, uniform) in [
            (0, 0.0),
            (0, 0.5),
            (0, 0.999_999),
            (10, 0.0),
            (1_000_000_000_000, 0.5),
        ] {
            let drawn = draw(&variant("v", impressions), uniform);
            assert!(
                (0.0..=1.0).contains(&drawn),
                "{impressions} {uniform}: {drawn}"
            );
        }
    }
}
