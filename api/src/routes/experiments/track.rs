//! `POST /experiments/{name}/track`

use super::MAX_PARTICIPANT;
use crate::{
    access::{Caller, OutcomesWrite},
    input::{JsonBody, PathOf, check_name},
    kubernetes,
    problem::Problem,
    routes::outcomes::{self, check_event_id, check_metric, check_value},
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::outcomes::{Fate, Kind, Subject, Told};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One event of a participant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Track {
    participant: String,
    metric: String,
    /// 1 where absent.
    value: Option<f64>,
    /// Absent means at the receipt.
    at: Option<DateTime<Utc>>,
    /// Without it a repeated call counts again.
    event_id: Option<String>,
}

/// What became of the event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tracked {
    /// `applied`, or `duplicate` where it counted before.
    fate: &'static str,
}

/// Tells one outcome of a participant; `POST /outcomes` takes many.
#[utoipa::path(post, path = "/experiments/{name}/track", tag = "experiments", params(("name" = String, Path)), request_body = Track,
    security(("key" = ["outcomes:write"])),
    responses((status = 200, body = Tracked), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn track_participant(
    State(app): State<App>,
    caller: Caller<OutcomesWrite>,
    PathOf(name): PathOf<String>,
    JsonBody(told): JsonBody<Track>,
) -> Result<Json<Tracked>, Problem> {
    kubernetes::check_name(&name)?;
    check_name("participant", &told.participant, MAX_PARTICIPANT)?;
    let value = told.value.unwrap_or(1.0);
    check_metric(&told.metric)
        .and_then(|()| check_value(value))
        .and_then(|()| told.event_id.as_deref().map_or(Ok(()), check_event_id))
        .map_err(Problem::unprocessable)?;
    let outcome = Told {
        line: 1,
        subject: Subject::Participant {
            experiment: name,
            participant: told.participant,
        },
        kind: Kind::Event(
            told.event_id
                .unwrap_or_else(|| format!("track/{}", Uuid::new_v4())),
        ),
        metric: told.metric,
        value,
        at: told.at.unwrap_or_else(Utc::now),
    };
    let ingested = app.store.ingest(&caller.namespace, &[outcome], 0).await?;
    outcomes::count(&app, &ingested.tally);
    match ingested.refused.first() {
        None if ingested.tally.duplicate > 0 => Ok(Json(Tracked { fate: "duplicate" })),
        None => Ok(Json(Tracked { fate: "applied" })),
        Some((_, Fate::Unknown)) => Err(Problem::not_found(
            "this namespace has no such experiment, or the participant was not assigned; call assign first",
        )),
        Some((_, fate)) => {
            Err(Problem::conflict(outcomes::reason_of(*fate)).with("fate", fate.as_str()))
        }
    }
}
