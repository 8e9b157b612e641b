//! `POST /content/posts/{id}/published`

use super::read::NO_SUCH_POST;
use crate::{
    access::{Caller, PostsWrite},
    input::{JsonBody, PathOf, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::publication::{self, Published};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

const MAX_URL: usize = 2_000;
pub const MAX_EXTERNAL_ID: usize = 200;

/// Where and when a post was published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publication {
    /// http or https.
    url: String,
    /// The network's id of the post, by which outcomes may name it.
    external_id: Option<String>,
    /// Absent, or in the future, means at the receipt of this call.
    at: Option<DateTime<Utc>>,
}

/// The publication that counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicationStands {
    id: Uuid,
    /// When the post's clock started.
    published_at: DateTime<Utc>,
    /// False where it was known before.
    first: bool,
}

/// Notes that a post was published, which starts its clock.
///
/// The same call again changes nothing; another publication of the same post is a conflict.
#[utoipa::path(post, path = "/content/posts/{id}/published", tag = "posts", params(("id" = Uuid, Path)), request_body = Publication,
    security(("key" = ["posts:write"])),
    responses((status = 200, body = PublicationStands), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn publish_post(
    State(app): State<App>,
    caller: Caller<PostsWrite>,
    PathOf(id): PathOf<Uuid>,
    JsonBody(told): JsonBody<Publication>,
) -> Result<Json<PublicationStands>, Problem> {
    check_name("url", &told.url, MAX_URL)?;
    if !["http://", "https://"]
        .iter()
        .any(|scheme| told.url.starts_with(scheme))
    {
        return Err(Problem::unprocessable(
            "url must begin with http:// or https://",
        ));
    }
    if let Some(external_id) = &told.external_id {
        check_name("externalId", external_id, MAX_EXTERNAL_ID)?;
    }
    let publication = publication::Publication {
        url: told.url,
        external_id: told.external_id,
        at: told.at,
    };
    match app.store.publish(&caller.namespace, id, &publication).await? {
        Published::Stands { at, first } => Ok(Json(PublicationStands {
            id,
            published_at: at,
            first,
        })),
        Published::Differs(field) => Err(Problem::conflict(format!(
            "this post was published before with another {field}; a publication is told once and does not change"
        ))
        .with("field", field)),
        Published::ExternalIdTaken => Err(Problem::conflict(
            "another post of this namespace has this externalId; each post of a network has one of its own",
        )
        .with("field", "externalId")),
        Published::NoSuchPost => Err(Problem::not_found(NO_SUCH_POST)),
    }
}
