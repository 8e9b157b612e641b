//! What callers send, with refusals that say how to mend it.

use crate::{problem::Problem, state::App};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

/// A JSON body of bounded size.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        require_media_type(request.headers(), "application/json")?;
        let bytes = collect(request.into_body(), app.limits.json_bytes).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Problem::unprocessable(format!("the body does not fit: {error}")))
    }
}

/// Parameters of the query.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, app).await;
        read.map(|Query(value)| Self(value)).map_err(|rejection| {
            Problem::invalid(format!("the query does not fit: {}", rejection.body_text()))
        })
    }
}

/// Parameters of the path.
#[derive(Debug)]
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, app).await;
        read.map(|Path(value)| Self(value)).map_err(|rejection| {
            Problem::invalid(format!("the path does not fit: {}", rejection.body_text()))
        })
    }
}

/// Refuses another media type, and any encoding: a small compressed body may be a huge one.
pub fn require_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    if !given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)) {
        return Err(Problem::unsupported(format!(
            "send the body as `Content-Type: {wanted}`"
        )));
    }
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::unsupported(
            "send the body without Content-Encoding",
        ));
    }
    Ok(())
}

/// A text of 1 to `max` characters without control characters, which names nothing that a person could not read.
pub fn check_name(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    check_length(field, text, max)?;
    if text.chars().any(char::is_control) {
        return Err(Problem::unprocessable(format!(
            "{field} must not have control characters"
        )));
    }
    Ok(())
}

/// A text of 1 to `max` characters that Postgres can keep; line breaks are allowed.
pub fn check_text(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    check_length(field, text, max)?;
    if text.contains('\0') {
        return Err(Problem::unprocessable(format!(
            "{field} must not have NUL characters"
        )));
    }
    Ok(())
}

fn check_length(field: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.is_empty() || text.chars().count() > max {
        return Err(Problem::unprocessable(format!(
            "{field} must have 1 to {max} characters"
        )));
    }
    Ok(())
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(body, limit).await.map_err(|error| {
        let full = std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("length limit"));
        if full {
            Problem::too_large(format!("the body is larger than {limit} bytes"))
        } else {
            Problem::invalid("the body broke off")
        }
    })
}
