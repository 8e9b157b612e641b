//! `POST /portfolio/export`, `GET /portfolio/exports`, `GET /portfolio/exports/{id}`

use crate::{
    access::{AchievementsRead, Caller},
    exports::{ExportRequest, Exports},
    input::{JsonBody, PathOf, QueryOf},
    problem::Problem,
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
};
use backends::postgres::api::achievements::{ExportRow, MAX_WAITING, NewExport, Queued};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How long an answer waits for the document, unless `Prefer: wait=` says otherwise; and the longest.
const WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// Between two looks at a row that another process may write.
const LOOK: Duration = Duration::from_secs(1);
/// Lifetime of a link, seconds.
const LINK: i64 = 3_600;
const SHORTEST_LINK: i64 = 60;
const LISTED: i64 = 100;
const NONE_SET_UP: &str = "no object store is set up, so nothing can be exported; set objectStore.endpoint and its Secret in the chart's values";

/// A portfolio on its way to the object store, or there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Export {
    id: Uuid,
    /// queued, running, done or failed.
    status: String,
    /// What was asked for.
    request: ExportRequest,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// Achievements in the document; absent until it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<i32>,
    /// Achievements that fit and are not in it, by reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    left_out: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<i64>,
    /// SHA-256 of the document, lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Where anybody can read the document until `link_expires_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_expires_at: Option<DateTime<Utc>>,
    /// Why the last attempt wrote nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    attempts: i32,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<DateTime<Utc>>,
    /// When it is removed.
    expires_at: DateTime<Utc>,
}

/// The newest exports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportList {
    items: Vec<Export>,
}

/// How long a link shall hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// Lifetime of the link in seconds: 60 to 604800; 3600 where absent. It never outlives the export.
    lifetime: Option<i64>,
}

/// Writes a portfolio into the object store.
///
/// The answer waits for the document for ten seconds, or for as long as `Prefer: wait=` says (at most 25). 201: it is written, and
/// `link` leads to it. 202: it is still queued; ask again under `Location`.
#[utoipa::path(post, path = "/portfolio/export", tag = "achievements", request_body = ExportRequest, security(("key" = ["achievements:read"])),
    responses((status = 201, body = Export), (status = 202, body = Export),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn export(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ExportRequest>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Export>), Problem> {
    let exports = exports(&app)?;
    request.check()?;
    let id = request.id(&caller.namespace);
    queue(&app, &caller, id, &request).await?;
    exports.wake();
    let row = written(&app, exports, &caller.namespace, id, wait(&headers)).await?;
    let status = match row.status.as_str() {
        "done" => StatusCode::CREATED,
        _ => StatusCode::ACCEPTED,
    };
    let location = format!("/portfolio/exports/{id}");
    let export = view(exports, row, Some(LINK)).await?;
    Ok((status, [(header::LOCATION, location)], Json(export)))
}

/// Reads an export, with a link that holds from now on.
#[utoipa::path(get, path = "/portfolio/exports/{id}", tag = "achievements", params(("id" = Uuid, Path), LinkQuery),
    security(("key" = ["achievements:read"])),
    responses((status = 200, body = Export), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_export(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
    PathOf(id): PathOf<Uuid>,
    QueryOf(query): QueryOf<LinkQuery>,
) -> Result<Json<Export>, Problem> {
    let exports = exports(&app)?;
    let lifetime = query.lifetime.unwrap_or(LINK);
    if !(SHORTEST_LINK..=604_800).contains(&lifetime) {
        return Err(Problem::unprocessable(
            "lifetime must be from 60 to 604800 seconds",
        ));
    }
    let row = row(&app, &caller.namespace, id).await?;
    Ok(Json(view(exports, row, Some(lifetime)).await?))
}

/// Lists the newest exports, a hundred at most, without links.
#[utoipa::path(get, path = "/portfolio/exports", tag = "achievements", security(("key" = ["achievements:read"])),
    responses((status = 200, body = ExportList), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_exports(
    State(app): State<App>,
    caller: Caller<AchievementsRead>,
) -> Result<Json<ExportList>, Problem> {
    let exports = exports(&app)?;
    let mut items = Vec::new();
    for row in app.store.exports(&caller.namespace, LISTED).await? {
        items.push(view(exports, row, None).await?);
    }
    Ok(Json(ExportList { items }))
}

fn exports(app: &App) -> Result<&Exports, Problem> {
    app.exports
        .as_deref()
        .ok_or_else(|| Problem::unavailable(NONE_SET_UP))
}

async fn queue(
    app: &App,
    caller: &Caller<AchievementsRead>,
    id: Uuid,
    request: &ExportRequest,
) -> Result<(), Problem> {
    let stored = serde_json::to_value(request).map_err(|error| Problem::bug(error.to_string()))?;
    // Nothing of a caller stands in the key.
    let object_key = format!(
        "exports/{}/{id}.{}",
        caller.namespace,
        request.format.extension()
    );
    let new = NewExport {
        id,
        request: &stored,
        object_key: &object_key,
        media_type: request.format.media_type(),
        created_by: &caller.key_id,
    };
    match app.store.queue_export(&caller.namespace, &new).await? {
        Queued::Yes => Ok(()),
        Queued::Other => Err(Problem::conflict(
            "this key stands for another export; choose another one, or repeat the same request",
        )
        .with("field", "key")),
        Queued::Full => Err(Problem::too_many(format!(
            "{MAX_WAITING} exports of this namespace wait already; try again when one of them is written"
        ))),
    }
}

/// The row once it is written, or has failed, or when the time to wait is over.
async fn written(
    app: &App,
    exports: &Exports,
    namespace: &str,
    id: Uuid,
    wait: Duration,
) -> Result<ExportRow, Problem> {
    let deadline = Instant::now() + wait;
    loop {
        let ended = exports.an_attempt_ended();
        tokio::pin!(ended);
        ended.as_mut().enable();
        let row = row(app, namespace, id).await?;
        // An attempt that failed says why; the next one comes later than anybody wants to wait.
        let settled = matches!(row.status.as_str(), "done" | "failed") || row.error.is_some();
        if settled || Instant::now() >= deadline {
            return Ok(row);
        }
        tokio::select! {
            () = ended => {}
            () = tokio::time::sleep_until(deadline.min(Instant::now() + LOOK)) => {}
        }
    }
}

async fn row(app: &App, namespace: &str, id: Uuid) -> Result<ExportRow, Problem> {
    let row = app.store.export(namespace, id).await?;
    row.ok_or_else(|| Problem::not_found("this namespace has no such export, or its time is over"))
}

/// `Prefer: wait=` in seconds (RFC 7240).
fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").iter();
    let seconds = preferences
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.parse().ok());
    seconds.map_or(WAIT, |seconds| {
        Duration::from_secs(seconds).min(LONGEST_WAIT)
    })
}

async fn view(exports: &Exports, row: ExportRow, lifetime: Option<i64>) -> Result<Export, Problem> {
    let request = serde_json::from_value(row.request).map_err(|error| {
        tracing::error!(export = %row.id, %error, "a stored request cannot be read");
        Problem::bug("a stored request could not be read; the log of the API tells which")
    })?;
    let left = (row.expires_at - Utc::now()).num_seconds();
    let lifetime = lifetime
        .filter(|_| row.status == "done")
        .map(|seconds| seconds.min(left))
        .and_then(|seconds| u64::try_from(seconds).ok());
    let link = match lifetime {
        None => None,
        Some(seconds) => {
            let made = exports
                .objects()
                .link(&row.object_key, Duration::from_secs(seconds))
                .await;
            Some(made.map_err(|error| Problem::unavailable(error.to_string()))?)
        }
    };
    Ok(Export {
        id: row.id,
        status: row.status,
        request,
        media_type: row.media_type,
        items: row.items,
        left_out: row.left_out,
        bytes: row.bytes,
        sha256: row.sha256,
        link_expires_at: lifetime
            .and_then(|seconds| i64::try_from(seconds).ok())
            .map(|seconds| Utc::now() + TimeDelta::seconds(seconds)),
        link,
        error: row.error,
        attempts: row.attempts,
        created_at: row.created_at,
        done_at: row.done_at,
        expires_at: row.expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_time_to_wait_is_read_and_bounded() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            wait(&headers).as_secs()
        };
        assert_eq!(wait(&HeaderMap::new()), WAIT);
        assert_eq!(
            ["wait=0", "respond-async, wait=3", "wait=99", "wait=x"].map(of),
            [0, 3, 25, 10]
        );
    }
}
