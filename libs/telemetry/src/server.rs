//! The three endpoints, on a small server of their own.

use crate::Checks;
use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the endpoints answer from.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// `/healthz`: whether this process should be left alone; it looks at the process alone.
    pub live: Checks,
    /// `/readyz`: whether its own dependencies let it work.
    pub ready: Checks,
    /// `/metrics`, in Prometheus' text format.
    pub registry: Registry,
}

/// Takes the address before anything else starts, so that a port in use is said at once.
///
/// # Errors
/// The address cannot be bound.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot serve health and metrics on {address}"))
}

impl Endpoints {
    /// Serves until `stop` is cancelled.
    ///
    /// # Errors
    /// The server broke.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
        axum::serve(listener, self.router())
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .context("the server of health and metrics broke")
    }

    fn router(self) -> Router {
        Router::new()
            .route(
                "/healthz",
                get(async |State(all): State<Self>| verdict(&all.live)),
            )
            .route(
                "/readyz",
                get(async |State(all): State<Self>| verdict(&all.ready)),
            )
            .route(
                "/metrics",
                get(async |State(all): State<Self>| metrics(&all.registry)),
            )
            .with_state(self)
    }
}

fn verdict(checks: &Checks) -> Response {
    let failures = checks.failures();
    if failures.is_empty() {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let lines: String = failures
        .into_iter()
        .map(|(name, why)| format!("{name}: {why}\n"))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

fn metrics(registry: &Registry) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    async fn get(endpoints: &Endpoints, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = endpoints.clone().router().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_probe_answers_from_its_own_checks() {
        let endpoints = Endpoints {
            live: Checks::default(),
            ready: Checks::default(),
            registry: Registry::new(),
        };
        let database = endpoints.ready.register("postgres", "not asked yet");
        assert_eq!(get(&endpoints, "/healthz").await.0, StatusCode::OK);
        let (status, body) = get(&endpoints, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "postgres: not asked yet\n");
        database.pass();
        assert_eq!(get(&endpoints, "/readyz").await.0, StatusCode::OK);
        assert_eq!(get(&endpoints, "/else").await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn metrics_are_served_as_text() {
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("threads_test_total", "A test.").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter.inc_by(3);
        let endpoints = Endpoints {
            live: Checks::default(),
            ready: Checks::default(),
            registry,
        };
        let (status, body) = get(&endpoints, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("threads_test_total 3"), "{body}");
    }
}
