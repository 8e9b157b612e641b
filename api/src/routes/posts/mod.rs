//! Posts that were written.

mod edit;
mod list;
mod publish;
mod read;
mod view;

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_posts))
        .routes(routes!(read::read_post, edit::edit_post))
        .routes(routes!(publish::publish_post))
}
