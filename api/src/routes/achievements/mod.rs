//! Achievements: the Achievement Collector API.

mod analytics;
mod change;
mod create;
mod export;
mod fields;
mod list;
mod roi;
mod view;

pub(crate) use list::word;

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
        .routes(routes!(export::export))
        .routes(routes!(export::list_exports))
        .routes(routes!(export::read_export))
}
