//! `POST /experiments/{name}/assign`

use super::{MAX_PARTICIPANT, NO_SUCH_EXPERIMENT};
use crate::{
    access::{Caller, ExperimentsWrite},
    input::{JsonBody, PathOf, check_name},
    kubernetes,
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State};
use backends::postgres::api::assignment::Assignment;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Who is to be assigned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// The caller's own id of the participant, 1 to 200 characters; the same id gets the same arm for ever.
    participant: String,
}

/// The participant's arm.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmOfParticipant {
    experiment: String,
    participant: String,
    arm: String,
    control: bool,
    /// Digest of the prompt to render; absent where the arm keeps the prompt that there would be without the experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Values of the prompt's variables.
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
    /// With which the arm was given.
    probability: f64,
    weight_epoch: i32,
    /// The participant counts as exposed from here on.
    assigned_at: DateTime<Utc>,
    /// False where it was given before.
    first: bool,
}

/// Gives a participant an arm.
///
/// Only for experiments whose `spec.unit` is Participant. The first assignment holds for ever, and exposes the participant.
#[utoipa::path(post, path = "/experiments/{name}/assign", tag = "experiments", params(("name" = String, Path)), request_body = Participant,
    security(("key" = ["experiments:write"])),
    responses((status = 200, body = ArmOfParticipant), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn assign_participant(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    PathOf(name): PathOf<String>,
    JsonBody(told): JsonBody<Participant>,
) -> Result<Json<ArmOfParticipant>, Problem> {
    kubernetes::check_name(&name)?;
    check_name("participant", &told.participant, MAX_PARTICIPANT)?;
    let assignment = app
        .store
        .assign(&caller.namespace, &name, &told.participant)
        .await?;
    match assignment {
        Assignment::Given(given) => Ok(Json(ArmOfParticipant {
            experiment: name,
            participant: told.participant,
            arm: given.arm.name,
            control: given.control,
            digest: given.arm.prompt_digest,
            version: given.arm.version,
            variables: given.arm.variables,
            probability: given.probability,
            weight_epoch: given.weight_epoch,
            assigned_at: given.assigned_at,
            first: given.first,
        })),
        Assignment::NoSuchExperiment => Err(Problem::not_found(NO_SUCH_EXPERIMENT)),
        Assignment::UnitIsPost => Err(Problem::conflict(
            "the unit of this experiment is the post, so its tasks are assigned by the operator; participants need spec.unit: Participant",
        )),
        Assignment::Closed(why) => Err(Problem::conflict(format!(
            "the experiment {why}, so it takes no new participant"
        ))),
    }
}
