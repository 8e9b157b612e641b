//! Layers of the Kubernetes client: one notes renewals of the Lease, the other refuses writes once it has expired.

use super::Leadership;
use futures::future::BoxFuture;
use kube::client::Body;
use std::{
    task::{Context, Poll},
    time::Instant,
};
use tower::{BoxError, Layer, Service};

/// A write was refused because this process may no longer lead.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the Lease has expired, so this process writes nothing")]
pub struct LeaseExpired;

/// What a client does about the Lease.
#[derive(Debug, Clone)]
pub enum WriteGuard {
    /// The client of the Lease itself: an accepted patch is a renewal, counted from when it was sent.
    Record(Leadership),
    /// Every other client: nothing but reads once the Lease has expired.
    Refuse(Leadership),
}

impl<S> Layer<S> for WriteGuard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

/// A client's service behind a [`WriteGuard`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: WriteGuard,
}

impl<S, B> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = http::Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match &self.guard {
            WriteGuard::Refuse(leadership)
                if request.method() != http::Method::GET && !leadership.holds() =>
            {
                Box::pin(std::future::ready(Err(LeaseExpired.into())))
            }
            WriteGuard::Refuse(_) => {
                let answer = self.inner.call(request);
                Box::pin(async move { answer.await.map_err(Into::into) })
            }
            WriteGuard::Record(leadership) => {
                let (leadership, sent) = (leadership.clone(), Instant::now());
                let renews = request.method() == http::Method::PATCH;
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let answer = answer.await.map_err(Into::into)?;
                    if renews && answer.status().is_success() {
                        leadership.renewed_at(sent);
                    }
                    Ok(answer)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use http::{Method, Request, Response};
    use tower::{ServiceExt, service_fn};

    async fn call(guard: WriteGuard, method: Method) -> Result<Response<()>, BoxError> {
        let inner = service_fn(async |_: Request<Body>| Ok::<_, BoxError>(Response::new(())));
        let request = Request::builder()
            .method(method)
            .body(Body::empty())
            .unwrap();
        guard.layer(inner).oneshot(request).await
    }

    #[tokio::test]
    async fn an_expired_lease_refuses_writes_and_lets_reads_pass() {
        let expired = || WriteGuard::Refuse(Leadership::default());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let refused = call(expired(), method).await.unwrap_err();
            assert!(refused.is::<LeaseExpired>(), "FAULTS 12");
        }
        call(expired(), Method::GET).await.unwrap();
        call(WriteGuard::Refuse(Leadership::assumed()), Method::POST)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn only_an_accepted_patch_is_a_renewal() {
        let leadership = Leadership::default();
        call(WriteGuard::Record(leadership.clone()), Method::GET)
            .await
            .unwrap();
        assert!(!leadership.holds());
        call(WriteGuard::Record(leadership.clone()), Method::PATCH)
            .await
            .unwrap();
        assert!(leadership.holds());
    }
}
