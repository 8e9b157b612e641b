//! All routes, and the OpenAPI document that is made of them.

mod achievements;
mod experiments;
mod outcomes;
mod posts;
mod variants;

use crate::{layers, problem::Problem, state::App};
use axum::{Router, middleware};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

/// The API as a service.
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
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(posts::routes())
        .merge(outcomes::routes())
        .merge(experiments::routes())
        .merge(variants::routes())
        .merge(achievements::routes())
}

/// The OpenAPI document, made of the routes themselves.
///
/// # Errors
/// A document that JSON cannot hold, which is a mistake of ours.
pub fn document() -> serde_json::Result<String> {
    let mut text = described().to_openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Threads-Agent",
        description = "Posts, what became of them, and experiments. Every request needs an API key, which is bound to one Kubernetes namespace; failures are problem details (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "posts", description = "Posts that were written."),
        (name = "outcomes", description = "What became of posts and participants."),
        (name = "experiments", description = "Experiments, their figures and their participants."),
        (name = "achievements", description = "What was accomplished, by what evidence, and what that is worth."),
        (name = "variants", description = "Counts of variants, for display; no verdict rests on them."),
    ),
    components(schemas(Problem)),
    modifiers(&Keys),
)]
struct Description;

/// How callers prove who they are.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("key", scheme);
    }
}
