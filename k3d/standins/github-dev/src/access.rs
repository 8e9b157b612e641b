//! What stands before every route of the API: the token, the rate limit, faults on demand, and conditional requests.

use crate::{
    control::{Fault, FaultKind},
    routes::BASE,
    world::{Inner, World},
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

const HANG: Duration = Duration::from_secs(600);
const HUGE: usize = 64 * 1024 * 1024;
/// Requests an hour without a token, as GitHub grants them.
const ANONYMOUS: u64 = 60;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Known,
}

pub async fn admit(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let (latency, fault, verdict) = {
        let mut inner = world.lock();
        let fault = inner.faults.take(&path);
        (
            inner.faults.latency_ms,
            fault,
            verdict(&mut inner, &headers),
        )
    };
    tokio::time::sleep(Duration::from_millis(latency)).await;
    let response = match (fault, verdict) {
        (Some(fault), _) => broken(&fault).await,
        (None, Err(refused)) => refused,
        (None, Ok(caller)) => {
            request.extensions_mut().insert(caller);
            conditional(&headers, next.run(request).await).await
        }
    };
    finish(&world, path, local(&headers, response))
}

/// Lets the URLs in headers lead back to this stand-in.
fn local(headers: &HeaderMap, mut response: Response) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("localhost");
    for name in [header::LINK, header::LOCATION] {
        let told = response.headers().get(&name);
        let Some(Ok(told)) = told.map(HeaderValue::to_str) else {
            continue;
        };
        if let Ok(value) = HeaderValue::from_str(&told.replace(BASE, &format!("http://{host}"))) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Counts the answer and tells what is left of the rate limit.
fn finish(world: &World, path: String, mut response: Response) -> Response {
    let mut inner = world.lock();
    let status = response.status();
    let reset = inner.quota.tick();
    let counted = !matches!(
        status,
        StatusCode::NOT_MODIFIED | StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS
    );
    if counted && inner.quota.remaining() > 0 {
        inner.quota.used += 1;
    }
    inner.asked.push((status.as_u16(), path));
    for (name, value) in [
        ("x-ratelimit-limit", inner.quota.limit.to_string()),
        ("x-ratelimit-remaining", inner.quota.remaining().to_string()),
        ("x-ratelimit-used", inner.quota.used.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
        ("x-stand-in", "github-dev".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

#[allow(clippy::result_large_err, reason = "the answer itself, sent at once")]
fn verdict(inner: &mut Inner, headers: &HeaderMap) -> Result<Caller, Response> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("token "))
        });
    let caller = match given {
        None => Caller::Anonymous,
        Some(token)
            if !inner.revoked.contains(token)
                && (inner.tokens.is_empty() || inner.tokens.contains(token)) =>
        {
            Caller::Known
        }
        Some(_) => return Err(failure(StatusCode::UNAUTHORIZED, "Bad credentials")),
    };
    if caller == Caller::Anonymous {
        inner.quota.limit = inner.quota.limit.min(ANONYMOUS);
    }
    inner.quota.tick();
    if inner.quota.remaining() == 0 {
        return Err(failure(
            StatusCode::FORBIDDEN,
            "API rate limit exceeded for user ID 1.",
        ));
    }
    Ok(caller)
}

async fn broken(fault: &Fault) -> Response {
    match fault.kind {
        FaultKind::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            failure(status, status.canonical_reason().unwrap_or("Error"))
        }
        FaultKind::SecondaryLimit => {
            let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            let mut response = failure(StatusCode::FORBIDDEN, message);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(fault.retry_after));
            response
        }
        FaultKind::Hang => {
            tokio::time::sleep(HANG).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        FaultKind::NotJson => "<html>Unicorn!</html>".into_response(),
        FaultKind::CutOff => json_body(r#"[{"id": 1, "num"#),
        FaultKind::Huge => json_body(format!("[\"{}\"]", "x".repeat(HUGE))),
        FaultKind::Stall => stalled(),
    }
}

/// The promised length never comes: the connection stays open.
fn stalled() -> Response {
    let silence = futures::stream::pending::<Result<Bytes, std::io::Error>>();
    let start = futures::stream::iter([Ok(Bytes::from_static(b"[{"))]);
    json_body(Body::from_stream(start.chain(silence)))
}

fn json_body(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// An error in GitHub's words.
pub fn failure(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_u16().to_string(),
    });
    (status, axum::Json(body)).into_response()
}

/// Adds the ETag, and answers 304 where the caller has that body already.
async fn conditional(headers: &HeaderMap, response: Response) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, HUGE).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let etag = etag(&bytes);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known == etag);
    if let Ok(value) = HeaderValue::from_str(&etag) {
        parts.headers.insert(header::ETAG, value);
    }
    if known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn etag(bytes: &Bytes) -> String {
    let digest: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("W/\"{digest}\"")
}
