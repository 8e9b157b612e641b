//! `POST /webhooks/github/{source}`

use super::{body, signature::Refusal};
use crate::{problem::Problem, state::App};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
};
use backends::postgres::api::webhooks::{Delivery, WebhookSource};
use percent_encoding::percent_decode;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;
use uuid::Uuid;

const DELIVERY: &str = "x-github-delivery";
const EVENT: &str = "x-github-event";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Longest id of a delivery that is remembered; the host sends 36 characters.
const MAX_DELIVERY: usize = 128;
/// Events that tell something; others are answered and not kept.
const KEPT: [&str; 4] = ["pull_request", "push", "release", "deployment_status"];

/// What became of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    outcome: Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// It is in the inbox; what it tells shows soon.
    Accepted,
    /// The same delivery came before; nothing is done again.
    Replayed,
    /// An event that tells nothing of achievements.
    Ignored,
}

impl Kept {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Replayed => "replayed",
            Self::Ignored => "ignored",
        }
    }
}

/// Takes a delivery of a GitHub webhook.
///
/// The path names an AchievementSource by its uid (`status.webhookPath`). Needs no API key: `X-Hub-Signature-256` must be the
/// HMAC-SHA-256 of the body's bytes with one of the secrets that the source names. Answers 2xx once the delivery is kept; the same
/// `X-GitHub-Delivery` again has no effect. A source that is not there is answered as a wrong signature is, 401: nobody learns by
/// asking which sources there are.
#[utoipa::path(post, path = "/webhooks/github/{source}", tag = "webhooks", security(()),
    params(("source" = String, Path, description = "uid of the AchievementSource"),
        ("X-Hub-Signature-256" = String, Header), ("X-GitHub-Delivery" = String, Header), ("X-GitHub-Event" = String, Header)),
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, description = "Seen before, or of no interest", body = Receipt), (status = 202, body = Receipt),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn receive_github(
    State(app): State<App>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let received = receive(&app, &source, &headers, body).await;
    let outcome = match &received {
        Ok(kept) => kept.as_str(),
        Err(problem) => refusal_label(problem.status()),
    };
    app.metrics.deliveries.with_label_values(&[outcome]).inc();
    received.map(|outcome| {
        let status = match outcome {
            Kept::Accepted => StatusCode::ACCEPTED,
            Kept::Replayed | Kept::Ignored => StatusCode::OK,
        };
        (status, Json(Receipt { outcome }))
    })
}

async fn receive(app: &App, path: &str, headers: &HeaderMap, body: Body) -> Result<Kept, Problem> {
    let form = is_form(headers)?;
    let body = body::read(headers, body, &app.limits, &app.webhooks.held).await?;
    // What is no uid is looked for as the nil one, which no source has.
    let uid = Uuid::try_parse(path).unwrap_or_default();
    let source = app.store.webhook_source(uid).await?;
    let keys = source
        .as_ref()
        .map(|row| (uid, row.webhook_keys.as_deref()));
    let verified = app.webhooks.verify(keys, headers, &body);
    let unsigned = || {
        Problem::unsigned(
            "sign the body's bytes with the webhook's secret, as X-Hub-Signature-256; see the status of the AchievementSource",
        )
    };
    let source = source.ok_or_else(unsigned)?;
    note(app, uid, &source, verified);
    verified.map_err(|_| unsigned())?;
    let (id, event) = (delivery_id(headers)?, event_of(headers)?);
    if !KEPT.contains(&event) {
        return Ok(Kept::Ignored);
    }
    let payload = if form {
        payload_of(&body)?
    } else {
        Cow::Borrowed(&*body)
    };
    let kept = app
        .store
        .keep_delivery(&Delivery {
            source: uid,
            namespace: &source.namespace,
            id,
            event,
            body: &payload,
        })
        .await?;
    Ok(if kept { Kept::Accepted } else { Kept::Replayed })
}

/// JSON or a form with JSON in it, and never compressed: a small compressed body may be a huge one.
fn is_form(headers: &HeaderMap) -> Result<bool, Problem> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Problem::unsupported(
            "send the body without Content-Encoding",
        ));
    }
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .unwrap_or_default();
    if media.eq_ignore_ascii_case(JSON) {
        Ok(false)
    } else if media.eq_ignore_ascii_case(FORM) {
        Ok(true)
    } else {
        Err(Problem::unsupported(
            "send the body as application/json or application/x-www-form-urlencoded",
        ))
    }
}

/// The field `payload` of a form, byte for byte: what is no UTF-8 is not made into some.
fn payload_of(body: &[u8]) -> Result<Cow<'_, [u8]>, Problem> {
    body.split(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"payload="))
        .map(|value| {
            let spaced: Vec<u8> = value
                .iter()
                .map(|byte| if *byte == b'+' { b' ' } else { *byte })
                .collect();
            Cow::Owned(percent_decode(&spaced).collect())
        })
        .ok_or_else(|| Problem::invalid("the form has no field `payload`"))
}

fn delivery_id(headers: &HeaderMap) -> Result<&str, Problem> {
    single(headers, DELIVERY)
        .filter(|id| {
            !id.is_empty() && id.len() <= MAX_DELIVERY && id.bytes().all(|it| it.is_ascii_graphic())
        })
        .ok_or_else(|| {
            Problem::invalid(format!(
                "send one X-GitHub-Delivery of 1 to {MAX_DELIVERY} visible characters"
            ))
        })
}

fn event_of(headers: &HeaderMap) -> Result<&str, Problem> {
    single(headers, EVENT).ok_or_else(|| Problem::invalid("send one X-GitHub-Event"))
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Tells the source's owner now and then; a delivery neither waits for it nor fails with it.
fn note(app: &App, uid: Uuid, source: &WebhookSource, verified: Result<(), Refusal>) {
    if !app.webhooks.note_due(uid, verified.is_ok()) {
        return;
    }
    let (store, namespace) = (app.store.clone(), source.namespace.clone());
    tokio::spawn(async move {
        let error = verified.err().map(Refusal::sentence);
        if let Err(error) = store.note_webhook(&namespace, uid, error).await {
            tracing::warn!(%error, source = %uid, "the source was not told of its webhook");
        }
    });
}

/// A bounded word for a refusal.
fn refusal_label(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unsigned",
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::REQUEST_TIMEOUT => "slow",
        status if status.is_server_error() => "unavailable",
        _ => "invalid",
    }
}
