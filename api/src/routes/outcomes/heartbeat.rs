//! `POST /outcomes/heartbeat`

use crate::{
    access::{Caller, OutcomesWrite},
    input::{JsonBody, check_name},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MAX_FEED: usize = 63;

/// A feed that has told everything up to a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// As the Experiment's `objective.feed` names it; `default` where that names none.
    feed: String,
    /// A later time than the receipt counts as the receipt.
    through: DateTime<Utc>,
}

/// Up to when the feed counts as complete.
#[derive(Debug, Serialize, ToSchema)]
pub struct Completeness {
    feed: String,
    through: DateTime<Utc>,
}

/// Says up to when a feed is complete.
///
/// A published post that was told nothing of counts as zero where a heartbeat covers its window, and as missing otherwise. What
/// was said once is not taken back by an earlier time.
#[utoipa::path(post, path = "/outcomes/heartbeat", tag = "outcomes", request_body = Heartbeat, security(("key" = ["outcomes:write"])),
    responses((status = 200, body = Completeness), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn heartbeat(
    State(app): State<App>,
    caller: Caller<OutcomesWrite>,
    JsonBody(told): JsonBody<Heartbeat>,
) -> Result<Json<Completeness>, Problem> {
    check_name("feed", &told.feed, MAX_FEED)?;
    let through = app
        .store
        .heartbeat(&caller.namespace, &told.feed, told.through)
        .await?;
    Ok(Json(Completeness {
        feed: told.feed,
        through,
    }))
}
