//! `PUT /content/posts/{id}`

use super::{read::NO_SUCH_POST, view::Post};
use crate::{
    access::{Caller, PostsWrite},
    input::{JsonBody, PathOf, check_text},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::posts::PostEdit;
use domain::{digest::sha256_hex, text};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest texts, in characters.
const MAX_HOOK: usize = 2_000;
const MAX_BODY: usize = 40_000;

/// The whole new text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    hook: String,
    body: String,
}

/// Gives a post a new text.
///
/// The old text stays as a revision, and the post's unit is marked as edited. The same text again changes nothing.
#[utoipa::path(put, path = "/content/posts/{id}", tag = "posts", params(("id" = Uuid, Path)), request_body = Edit,
    security(("key" = ["posts:write"])),
    responses((status = 200, body = Post), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn edit_post(
    State(app): State<App>,
    caller: Caller<PostsWrite>,
    PathOf(id): PathOf<Uuid>,
    JsonBody(edit): JsonBody<Edit>,
) -> Result<Json<Post>, Problem> {
    check_text("hook", &edit.hook, MAX_HOOK)?;
    check_text("body", &edit.body, MAX_BODY)?;
    let row = app
        .store
        .edit_post(
            &caller.namespace,
            &PostEdit {
                id,
                hook: &edit.hook,
                body: &edit.body,
                content_hash: &sha256_hex(text::join(&edit.hook, &edit.body).as_bytes()),
                edited_by: &caller.key_id,
            },
        )
        .await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found(NO_SUCH_POST))
}
