//! `GET /content/posts`

use super::view::Post;
use crate::{
    access::{Caller, PostsRead},
    input::{QueryOf, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::posts::{PostCursor, PostFilter};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// Longest value of a filter, in characters.
const MAX_FILTER: usize = 253;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Name of a Persona.
    persona: Option<String>,
    /// Name of a ContentJob.
    job: Option<String>,
    /// Name of an Experiment: the living one, or the newest where none lives.
    experiment: Option<String>,
    /// Uid of an Experiment, also of one that was deleted and whose name is another's by now.
    experiment_uid: Option<Uuid>,
    /// Name of an arm.
    arm: Option<String>,
    /// Written at or after this time (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Written before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// At most so many, 1 to 100; 20 where absent.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Posts, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostList {
    items: Vec<Post>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists posts with their arms.
///
/// Newest first. Every post of the namespace, published or not.
#[utoipa::path(get, path = "/content/posts", tag = "posts", params(ListQuery), security(("key" = ["posts:read"])),
    responses((status = 200, body = PostList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_posts(
    State(app): State<App>,
    caller: Caller<PostsRead>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<PostList>, Problem> {
    for (field, value) in [
        ("persona", &query.persona),
        ("job", &query.job),
        ("experiment", &query.experiment),
        ("arm", &query.arm),
    ] {
        if let Some(value) = value {
            check_name(field, value, MAX_FILTER)?;
        }
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::unprocessable(format!(
            "limit must be from 1 to {MAX_LIMIT}"
        )));
    }
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = PostFilter {
        persona: query.persona,
        job: query.job,
        experiment: query.experiment,
        experiment_uid: query.experiment_uid,
        arm: query.arm,
        from: query.from,
        to: query.to,
    };
    // One more than asked for tells whether there is a next page.
    let mut rows = app
        .store
        .posts(&caller.namespace, &filter, after, i64::from(limit) + 1)
        .await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .map(|row| write_cursor(row.created_at, row.id));
    Ok(Json(PostList {
        items: rows.into_iter().map(Post::from).collect(),
        next_cursor,
    }))
}

fn write_cursor(at: DateTime<Utc>, id: Uuid) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}.{id}", at.timestamp_micros()))
}

fn read_cursor(text: &str) -> Result<PostCursor, Problem> {
    let read = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (micros, id) = text.split_once('.')?;
        Some(PostCursor {
            created_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?,
            id: id.parse().ok()?,
        })
    };
    read().ok_or_else(|| {
        Problem::unprocessable(
            "cursor must be the nextCursor of an earlier answer; leave it out to begin",
        )
    })
}
