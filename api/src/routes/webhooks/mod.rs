//! Webhooks of source hosts. These routes need no API key: a signature proves who sends.

mod body;
mod github;
mod receiver;
mod signature;

pub use receiver::Receiver;

use crate::state::App;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(github::receive_github))
}
