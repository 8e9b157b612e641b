//! What became of posts and participants.

mod heartbeat;
mod ingest;
mod line;
mod lines;

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ingest::ingest_outcomes))
        .routes(routes!(heartbeat::heartbeat))
}
