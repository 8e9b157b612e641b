//! Failures as problem details (RFC 9457): a status, a word that programs compare, and a sentence that says how to mend it.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use backends::postgres::{ErrorClass, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Media type of problem details.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// Prefix of the words that name kinds of problems.
const TYPE_PREFIX: &str = "urn:threads-agent:problem:";
/// Seconds after which a caller may try again where the database does not answer.
const RETRY_AFTER: &str = "5";

/// Problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:threads-agent:problem:not-found", "title": "Not found", "status": 404,
    "detail": "this namespace has no such post"
}))]
pub struct Problem {
    /// Names the kind of problem; programs compare it.
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    /// What is wrong with this request, and how to mend it.
    detail: String,
    /// More members, where the kind of problem has them.
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: Map<String, Value>,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident => $status:ident, $kind:literal, $title:literal;)*) => {
        impl Problem {
            $($(#[$doc])* pub fn $name(detail: impl Into<String>) -> Self {
                Self::of(StatusCode::$status, $kind, $title, detail)
            })*
        }
    };
}

problems! {
    invalid => BAD_REQUEST, "invalid-request", "Invalid request";
    unauthorized => UNAUTHORIZED, "unauthorized", "No valid API key";
    unsigned => UNAUTHORIZED, "invalid-signature", "Signature does not hold";
    forbidden => FORBIDDEN, "forbidden", "Not allowed";
    not_found => NOT_FOUND, "not-found", "Not found";
    method_not_allowed => METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed";
    timed_out => REQUEST_TIMEOUT, "timeout", "Took too long";
    conflict => CONFLICT, "conflict", "Conflict";
    too_large => PAYLOAD_TOO_LARGE, "too-large", "Too large";
    unsupported => UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type";
    unprocessable => UNPROCESSABLE_ENTITY, "invalid-value", "Invalid value";
    too_many => TOO_MANY_REQUESTS, "too-many", "Too many requests";
    unavailable => SERVICE_UNAVAILABLE, "unavailable", "Unavailable";
    bug => INTERNAL_SERVER_ERROR, "internal", "Internal error";
}

impl Problem {
    fn of(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            extensions: Map::new(),
        }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"threads-agent\""),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

impl From<StoreError> for Problem {
    /// The database's own words stay in the log: they may hold what another tenant or an administrator wrote.
    fn from(error: StoreError) -> Self {
        match error.class() {
            ErrorClass::Invalid if is_decode(&error) => {
                tracing::error!(%error, "a row does not decode");
                Self::bug("a stored row could not be read; the log of the API tells which")
            }
            ErrorClass::Invalid => {
                tracing::warn!(%error, "the database refused a request");
                Self::unprocessable("the database refused a value of this request")
            }
            ErrorClass::Transient | ErrorClass::Schema | ErrorClass::Fenced => {
                tracing::warn!(%error, "the database cannot be used");
                Self::unavailable("the database does not answer now; try again")
            }
        }
    }
}

fn is_decode(error: &StoreError) -> bool {
    matches!(error, StoreError::Decode(_) | StoreError::Invalid(_))
}
