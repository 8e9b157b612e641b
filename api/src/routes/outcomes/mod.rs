//! What became of posts and participants.

mod heartbeat;
mod ingest;
mod line;
mod lines;

pub use ingest::{count, reason_of};
pub use line::{check_event_id, check_metric, check_value};

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ingest::ingest_outcomes))
        .routes(routes!(heartbeat::heartbeat))
}
