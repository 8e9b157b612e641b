//! All routes, and the OpenAPI document that is made of them.

mod achievements;
mod experiments;
mod outcomes;
mod posts;
mod variants;
mod webhooks;

pub(crate) use achievements::word;
pub use webhooks::Receiver;

use crate::{layers, problem::Problem, state::App};
use axum::{Router, middleware};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

/// Posts, outcomes and experiments as a service.
pub fn router(app: App) -> Router {
    serve(content(), app)
}

/// Achievements, and the webhooks that tell of them, as a service of its own.
pub fn achievements_router(app: App) -> Router {
    serve(achievements(), app)
}

fn serve(routes: OpenApiRouter<App>, app: App) -> Router {
    let (routes, _document) = routes.split_for_parts();
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

fn content() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(posts::routes())
        .merge(outcomes::routes())
        .merge(experiments::routes())
        .merge(variants::routes())
}

fn achievements() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(achievements::routes())
        .merge(webhooks::routes())
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(content())
        .merge(achievements())
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
        description = "Posts, what became of them, and experiments (port 8080); achievements and webhooks (port 8090). Every request but a signed webhook needs an API key, which is bound to one Kubernetes namespace; failures are problem details (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "posts", description = "Posts that were written."),
        (name = "outcomes", description = "What became of posts and participants."),
        (name = "experiments", description = "Experiments, their figures and their participants."),
        (name = "achievements", description = "What was accomplished, by what evidence, and what that is worth."),
        (name = "variants", description = "Counts of variants, for display; no verdict rests on them."),
        (name = "webhooks", description = "Deliveries of source hosts, signed and without an API key."),
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
