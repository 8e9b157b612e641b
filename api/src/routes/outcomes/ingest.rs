//! `POST /outcomes`

use super::{
    line,
    lines::{Cut, Lines, MAX_LINE},
};
use crate::{
    access::{Caller, OutcomesWrite},
    input::require_media_type,
    problem::Problem,
    state::App,
};
use axum::{Json, body::Body, extract::State, http::HeaderMap};
use backends::postgres::api::outcomes::{Fate, Tally, Told};
use futures::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of lines of JSON.
const NDJSON: &str = "application/x-ndjson";
/// Outcomes of one transaction.
const BATCH: usize = 4_000;
/// Lines of which a reason is told.
const MAX_ERRORS: usize = 10;

/// What became of the lines. An event counts once, a snapshot once for each of its totals.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    applied: u64,
    /// Seen before.
    duplicate: u64,
    /// Received after the unit froze.
    late: u64,
    /// Dated more than five minutes after the receipt.
    future: u64,
    /// No such post, external id or participant.
    unknown: u64,
    /// The post is not published yet; send it again later.
    unpublished: u64,
    /// Dated before the exposure or after the attribution window.
    outside: u64,
    invalid: u64,
    /// The first lines that were not applied, at most ten.
    first_errors: Vec<LineError>,
}

/// Why a line was not applied.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineError {
    /// From 1.
    line: u64,
    reason: String,
}

/// Takes events and snapshots, one JSON object a line.
///
/// An event is `{"eventId", "postId" | "externalId" | "participant" and "experiment", "metric", "value": 1, "at"}`; a snapshot of
/// what a network shows so far is `{"postId" | "externalId", "at", "totals": {metric: number}}`. Lines are taken in batches as they
/// come; sending everything again applies nothing twice, so after any failure the whole body can be sent again.
#[utoipa::path(post, path = "/outcomes", tag = "outcomes", security(("key" = ["outcomes:write"])),
    request_body(content = String, content_type = "application/x-ndjson",
        example = "{\"eventId\": \"e1\", \"externalId\": \"17\", \"metric\": \"likes\", \"at\": \"2026-11-23T10:00:00Z\"}\n"),
    responses((status = 200, body = Report), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn ingest_outcomes(
    State(app): State<App>,
    caller: Caller<OutcomesWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Report>, Problem> {
    require_media_type(&headers, NDJSON)?;
    let mut ingest = Ingest {
        app: &app,
        namespace: &caller.namespace,
        number: 0,
        batch: Vec::with_capacity(BATCH),
        invalid: 0,
        report: Report::default(),
    };
    match ingest.take(body).await {
        Ok(()) => Ok(Json(ingest.report)),
        // What was applied before stays applied; the caller learns of it.
        Err(problem) => Err(problem.with(
            "report",
            serde_json::to_value(&ingest.report).unwrap_or_default(),
        )),
    }
}

/// One request's way through its lines.
struct Ingest<'a> {
    app: &'a App,
    namespace: &'a str,
    /// Number of the line that was read last.
    number: u64,
    batch: Vec<Told>,
    /// Invalid lines since the last batch.
    invalid: u64,
    report: Report,
}

impl Ingest<'_> {
    async fn take(&mut self, body: Body) -> Result<(), Problem> {
        let limits = self.app.limits;
        let mut pieces = body.into_data_stream();
        let mut lines = Lines::default();
        let mut length = 0;
        loop {
            let piece = tokio::time::timeout(limits.idle, pieces.next())
                .await
                .map_err(|_| {
                    Problem::timed_out(format!(
                        "nothing came for {} s; send the rest again",
                        limits.idle.as_secs()
                    ))
                })?;
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|_| Problem::invalid("the body broke off"))?;
            length += piece.len() as u64;
            if length > limits.outcome_bytes {
                return Err(Problem::too_large(format!(
                    "the body is larger than {} bytes; send it in parts",
                    limits.outcome_bytes
                )));
            }
            lines.push(&piece);
            while let Some(cut) = lines.next() {
                self.read(&cut);
                if self.batch.len() >= BATCH {
                    self.flush().await?;
                }
            }
        }
        if let Some(cut) = lines.last() {
            self.read(&cut);
        }
        self.flush().await
    }

    fn read(&mut self, cut: &Cut) {
        self.number += 1;
        let read = match cut {
            Cut::Line(line) if line.trim_ascii().is_empty() => return,
            Cut::Line(line) => line::read(self.number, line, &mut self.batch),
            Cut::TooLong => Err(format!("a line must not be longer than {MAX_LINE} bytes")),
        };
        if let Err(reason) = read {
            self.invalid += 1;
            self.report.note(self.number, reason);
        }
    }

    async fn flush(&mut self) -> Result<(), Problem> {
        if self.batch.is_empty() && self.invalid == 0 {
            return Ok(());
        }
        let ingested = self
            .app
            .store
            .ingest(self.namespace, &self.batch, self.invalid)
            .await?;
        self.batch.clear();
        self.invalid = 0;
        self.report.add(&ingested.tally);
        count(self.app, &ingested.tally);
        for (line, fate) in ingested.refused.into_iter().take(MAX_ERRORS) {
            self.report.note(line, reason_of(fate).to_owned());
        }
        Ok(())
    }
}

impl Report {
    fn note(&mut self, line: u64, reason: String) {
        // A batch's own refusals come after its invalid lines: the first ten stay the first ten.
        let place = self
            .first_errors
            .partition_point(|error| error.line <= line);
        if place < MAX_ERRORS {
            self.first_errors.insert(place, LineError { line, reason });
            self.first_errors.truncate(MAX_ERRORS);
        }
    }

    fn add(&mut self, tally: &Tally) {
        self.applied += tally.applied;
        self.duplicate += tally.duplicate;
        self.late += tally.late;
        self.future += tally.future;
        self.unknown += tally.unknown;
        self.unpublished += tally.unpublished;
        self.outside += tally.outside;
        self.invalid += tally.invalid;
    }
}

/// Adds to the metric `threads_outcomes_total`.
pub fn count(app: &App, tally: &Tally) {
    for (fate, count) in tally.iter() {
        app.metrics
            .outcomes
            .with_label_values(&[fate.as_str()])
            .inc_by(count);
    }
}

/// Why an outcome was not applied, in a sentence that says how to mend it.
pub fn reason_of(fate: Fate) -> &'static str {
    match fate {
        Fate::Applied => "it was applied",
        Fate::Duplicate => "its eventId was seen before",
        Fate::Late => "late: its unit is frozen",
        Fate::Future => {
            "future: it is dated more than five minutes ahead; check the sender's clock"
        }
        Fate::Unknown => "unknown: this namespace has no such post, external id or participant",
        Fate::Unpublished => {
            "unpublished: tell of the publication first (POST /content/posts/{id}/published), then send it again"
        }
        Fate::Outside => "outside: it is dated before the exposure or after the attribution window",
        Fate::Invalid => "it is no outcome",
    }
}
