//! The HTTP below the client: time limits, a bound on what is read, and the verdict on the response.
//!
//! It stands where async-openai would put its own retry layer, and answers [`ModelError`] through it.

use super::{ModelEndpoint, ModelError, answer::STAND_IN_FIELD};
use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use bytes::BytesMut;
use chrono::{DateTime, Utc};
use reqwest::{
    Certificate, Proxy, Request, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    future::Future,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Header by which a stand-in says so.
const STAND_IN_HEADER: &str = "x-stand-in";
/// A Retry-After beyond this is taken as this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Characters of an endpoint's own error message that are kept.
const MESSAGE_CHARS: usize = 200;

/// Bounds on one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    pub connect: Duration,
    /// From the first byte sent to the last one read.
    pub total: Duration,
    /// An answer beyond this is cut off and is invalid output.
    pub response_bytes: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(60),
            response_bytes: 1024 * 1024,
        }
    }
}

/// How endpoints are reached.
#[derive(Debug, Clone, Default)]
pub struct TransportSettings {
    pub limits: CallLimits,
    /// URL of a proxy for all requests; none means none, whatever the environment says.
    pub proxy: Option<String>,
    /// PEM file with certificates that are trusted beside the system's.
    pub ca_bundle: Option<PathBuf>,
}

/// Connections to endpoints; make one a process.
#[derive(Debug, Clone)]
pub struct ModelTransport {
    http: reqwest::Client,
    limits: CallLimits,
}

impl ModelTransport {
    /// # Errors
    /// [`ModelError::Invalid`] for a proxy or a CA bundle that cannot be used.
    pub fn new(settings: &TransportSettings) -> Result<Self, ModelError> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            ModelError::Invalid(format!("the {what} cannot be used: {error}"))
        };
        // A redirect would carry the prompt, and could carry the key, to a host that nobody allowed.
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.limits.connect)
            .timeout(settings.limits.total)
            .redirect(redirect::Policy::none())
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(Proxy::all(proxy.as_str()).map_err(|e| unusable("proxy", &e))?);
        }
        if let Some(path) = &settings.ca_bundle {
            let pem = std::fs::read(path).map_err(|e| unusable("CA bundle", &e))?;
            let bundle =
                Certificate::from_pem_bundle(&pem).map_err(|e| unusable("CA bundle", &e))?;
            builder = builder.tls_certs_merge(bundle);
        }
        let http = builder.build().map_err(|e| unusable("transport", &e))?;
        Ok(Self {
            http,
            limits: settings.limits,
        })
    }

    pub(super) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    async fn exchange(&self, request: Request) -> Result<Response, ModelError> {
        let mut response = self
            .http
            .execute(request)
            .await
            .map_err(|error| self.failed(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(&mut response).await?;
        if !status.is_success() {
            return Err(refused(status, &headers, &body));
        }
        let answer = object(&body, headers.contains_key(STAND_IN_HEADER))?;
        let mut built = http::Response::new(answer);
        built
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(built.into())
    }

    async fn read(&self, response: &mut Response) -> Result<BytesMut, ModelError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| {
            // A connection that ends within the body is an answer, only not a whole one.
            if error.is_timeout() {
                ModelError::Timeout(self.limits.total)
            } else {
                ModelError::invalid_output("the answer is cut off")
            }
        })? {
            if body.len() + chunk.len() > self.limits.response_bytes {
                return Err(ModelError::invalid_output(format!(
                    "the answer is longer than {} bytes",
                    self.limits.response_bytes
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: reqwest::Error) -> ModelError {
        if error.is_timeout() && !error.is_connect() {
            return ModelError::Timeout(self.limits.total);
        }
        let error = error.without_url();
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message = cause.to_string();
            source = cause.source();
        }
        ModelError::Unavailable {
            message: shorten(&message),
            retry_after: None,
        }
    }
}

impl tower::Service<HttpRequestFactory> for ModelTransport {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let transport = self.clone();
        Box::pin(async move {
            let request = request.build().await?;
            transport
                .exchange(request)
                .await
                .map_err(|error| OpenAIError::Boxed(Box::new(error)))
        })
    }
}

/// Refuses what async-openai would panic on or send somewhere else.
pub(super) fn check(endpoint: &ModelEndpoint) -> Result<(), ModelError> {
    let url = Url::parse(&endpoint.base_url)
        .map_err(|error| ModelError::Invalid(format!("the endpoint is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(ModelError::Invalid(
            "the endpoint is no http or https URL".to_owned(),
        ));
    }
    let key = endpoint.api_key.expose_secret();
    if key.is_empty() || HeaderValue::from_str(key).is_err() {
        return Err(ModelError::Invalid(
            "the key is empty or cannot be sent in a header".to_owned(),
        ));
    }
    Ok(())
}

/// The body again, with the stand-in's header moved into it. The library logs a body that it cannot read, so it only gets
/// those that it can.
fn object(body: &[u8], stand_in: bool) -> Result<Vec<u8>, ModelError> {
    let mut object: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| ModelError::invalid_output("the answer is no JSON object"))?;
    object.insert(STAND_IN_FIELD.to_owned(), Value::from(stand_in));
    serde_json::to_vec(&object).map_err(|_| ModelError::invalid_output("the answer is no JSON"))
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ModelError {
    let retry_after = headers.get(RETRY_AFTER).and_then(retry_after);
    match status {
        StatusCode::TOO_MANY_REQUESTS => ModelError::RateLimited { retry_after },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelError::Unauthorized {
            status: status.as_u16(),
        },
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT => ModelError::Unavailable {
            message: said(status, body),
            retry_after,
        },
        status if status.is_server_error() => ModelError::Unavailable {
            message: said(status, body),
            retry_after,
        },
        status => ModelError::Invalid(said(status, body)),
    }
}

/// Seconds or an HTTP date (RFC 9110, 10.2.3).
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - Utc::now())
            .to_std()
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

fn said(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) if !body.error.message.is_empty() => {
            format!("{}: {}", status.as_u16(), shorten(&body.error.message))
        }
        _ => status.to_string(),
    }
}

/// One line of bounded length, without control characters.
pub(super) fn shorten(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARS)
        .collect()
}

#[cfg(test)]
pub(super) fn parse_retry_after(text: &str) -> Option<Duration> {
    retry_after(&HeaderValue::from_str(text).ok()?)
}
