//! All routes, and the OpenAPI document that is made of them.

mod outcomes;
mod posts;

use crate::{layers, problem::Problem, state::App};
use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;

/// The API as a service.
#[must_use]
pub fn router(app: App) -> Router {
    let (routes, _document) = described().split_for_parts();
    routes
        .fallback(async || {
            Problem::not_found(
                "there is no such route; see docs/openapi.json for those that there are",
            )
        })
        .method_not_allowed_fallback(async || {
            Problem::method_not_allowed("this route has other methods; see docs/openapi.json")
        })
        .layer(middleware::from_fn_with_state(
            app.clone(),
            layers::surround,
        ))
        .with_state(app)
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(posts::routes())
        .merge(outcomes::routes())
}
