//! Achievements: the Achievement Collector API.

mod analytics;
mod change;
mod create;
mod fields;
mod list;
mod roi;
mod view;

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_achievements, create::create_achievement))
        .routes(routes!(
            list::read_achievement,
            change::change_achievement,
            change::delete_achievement
        ))
        .routes(routes!(list::portfolio_ready))
        .routes(routes!(analytics::portfolio_stats))
        .routes(routes!(analytics::impact))
        .routes(routes!(analytics::timeline))
        .routes(routes!(roi::roi))
}
