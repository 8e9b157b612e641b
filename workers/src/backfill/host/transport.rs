//! The HTTP below octocrab: the proxy and the certificates that the worker's other endpoints use, bounds on time and size, and no
//! redirect that could carry the token to another host.

use octocrab::OctoBody;
use reqwest::{Body, Certificate, Client, Proxy, redirect};
use std::{
    future::Future,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// How the host is reached.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// URL of a proxy for all requests; none means none, whatever the environment says.
    pub proxy: Option<String>,
    /// PEM file with certificates that are trusted beside the system's.
    pub ca_bundle: Option<PathBuf>,
    pub connect: Duration,
    /// From the first byte sent to the last one read.
    pub total: Duration,
    /// An answer beyond this is refused.
    pub response_bytes: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            ca_bundle: None,
            connect: Duration::from_secs(10),
            total: Duration::from_secs(60),
            response_bytes: 12 * 1024 * 1024,
        }
    }
}

/// Why there is no whole answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    #[error("{0}")]
    Failed(String),
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("it is cut off")]
    CutOff,
}

#[derive(Debug, Clone)]
pub struct Transport {
    http: Client,
    response_bytes: usize,
}

impl Transport {
    /// # Errors
    /// A proxy or a CA bundle that cannot be used.
    pub fn new(settings: &TransportSettings) -> anyhow::Result<Self> {
        use anyhow::Context;
        let mut builder = Client::builder()
            .user_agent(concat!("threads-agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect)
            .timeout(settings.total)
            .redirect(redirect::Policy::none())
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(Proxy::all(proxy.as_str()).context("the proxy")?);
        }
        if let Some(path) = &settings.ca_bundle {
            let pem = std::fs::read(path).context("the CA bundle")?;
            let bundle = Certificate::from_pem_bundle(&pem).context("the CA bundle")?;
            builder = builder.tls_certs_merge(bundle);
        }
        Ok(Self {
            http: builder.build().context("the transport")?,
            response_bytes: settings.response_bytes,
        })
    }

    async fn exchange(
        self,
        request: http::Request<OctoBody>,
    ) -> Result<http::Response<Body>, TransportError> {
        let (parts, _) = request.into_parts();
        let mut response = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .send()
            .await
            .map_err(|error| TransportError::Failed(innermost(&error.without_url())))?;
        let mut answer = http::Response::new(());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            if error.is_timeout() {
                TransportError::Failed("the answer stopped in the middle".to_owned())
            } else {
                TransportError::CutOff
            }
        })? {
            if body.len() + chunk.len() > self.response_bytes {
                return Err(TransportError::TooLong(self.response_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.map(|()| Body::from(body)))
    }
}

/// The cause that says most.
fn innermost(error: &reqwest::Error) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = cause.to_string();
        source = cause.source();
    }
    message
}

impl tower::Service<http::Request<OctoBody>> for Transport {
    type Response = http::Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<OctoBody>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}
