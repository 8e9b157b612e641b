//! Variants of the seed. Their counts are for display: no verdict of an Experiment rests on them.

mod list;
mod performance;
mod put;
mod select;
mod stats;

use crate::{input::check_name, problem::Problem, state::App};
use backends::postgres::api::variants::VariantRow;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Most variants of one answer, and most that are compared.
const MAX_VARIANTS: i64 = 1_000;
const MAX_ID: usize = 200;
const NO_SUCH_VARIANT: &str = "this namespace has no such variant";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_variants))
        .routes(routes!(select::select_variants))
        .routes(routes!(put::put_variant))
        .routes(routes!(performance::report_performance))
        .routes(routes!(stats::read_stats))
}

/// A variant and its counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Variant {
    variant_id: String,
    #[schema(value_type = Object)]
    dimensions: Map<String, Value>,
    impressions: i64,
    successes: i64,
    /// Absent without impressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    success_rate: Option<f64>,
    last_used: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl From<VariantRow> for Variant {
    fn from(row: VariantRow) -> Self {
        Self {
            success_rate: (row.impressions > 0)
                .then(|| row.successes as f64 / row.impressions as f64),
            variant_id: row.variant_id,
            dimensions: row.dimensions.0,
            impressions: row.impressions,
            successes: row.successes,
            last_used: row.last_used,
            created_at: row.created_at,
        }
    }
}

/// α and β of the posterior under a uniform prior.
fn posterior(row: &VariantRow) -> (f64, f64) {
    let failures = (row.impressions - row.successes).max(0);
    (row.successes as f64 + 1.0, failures as f64 + 1.0)
}

fn check_id(id: &str) -> Result<(), Problem> {
    check_name("the id of a variant", id, MAX_ID)
}
