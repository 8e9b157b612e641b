//! What surrounds every route: an id, a span, a deadline, metrics, and a net for panics.

use crate::{metrics::SERVICE, problem::Problem, state::App};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

/// A caller may give his own; the answer carries it back.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;
/// Routes whose body is a stream with deadlines of its own.
const STREAMS: [&str; 1] = ["/outcomes"];
/// Value of the label `route` where no route matched.
const NO_ROUTE: &str = "none";

pub async fn surround(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(NO_ROUTE, MatchedPath::as_str)
        .to_owned();
    let id = request_id(request.headers());
    let span = tracing::info_span!("request", request_id = %id, %method, route);
    let limit = if STREAMS.contains(&route.as_str()) {
        app.limits.stream
    } else {
        app.limits.request
    };
    let answer = AssertUnwindSafe(tokio::time::timeout(limit, next.run(request)))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let mut response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::timed_out(format!(
            "the request took longer than {} s; send less at once",
            limit.as_secs()
        ))
        .into_response(),
        Err(_) => {
            span.in_scope(|| tracing::error!("a route panicked"));
            Problem::bug("the API failed at this request; its log tells more under this request id")
                .into_response()
        }
    };
    let status = response.status();
    let elapsed = started.elapsed();
    span.in_scope(|| {
        tracing::debug!(
            status = status.as_u16(),
            seconds = elapsed.as_secs_f64(),
            "answered"
        )
    });
    app.metrics
        .requests
        .with_label_values(&[SERVICE, known(method.as_str()), &route, status.as_str()])
        .inc();
    app.metrics
        .seconds
        .with_label_values(&[SERVICE, known(method.as_str()), &route])
        .observe(elapsed.as_secs_f64());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    response
}

/// A caller can invent methods; metrics know these.
fn known(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

/// The caller's own where it is harmless in a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    headers
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(harmless)
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}
