//! `GET /content/posts/{id}`

use super::view::Post;
use crate::{
    access::{Caller, PostsRead},
    input::PathOf,
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use uuid::Uuid;

pub const NO_SUCH_POST: &str = "this namespace has no such post";

/// Reads a post.
#[utoipa::path(get, path = "/content/posts/{id}", tag = "posts", params(("id" = Uuid, Path)), security(("key" = ["posts:read"])),
    responses((status = 200, body = Post), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_post(
    State(app): State<App>,
    caller: Caller<PostsRead>,
    PathOf(id): PathOf<Uuid>,
) -> Result<Json<Post>, Problem> {
    let row = app.store.post(&caller.namespace, id).await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found(NO_SUCH_POST))
}
