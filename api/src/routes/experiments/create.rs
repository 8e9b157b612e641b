//! `POST /experiments/create` and `POST /experiments/start`

use super::cluster;
use crate::{
    access::{Caller, ExperimentsWrite},
    input::JsonBody,
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An Experiment as a resource has it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExperiment {
    name: String,
    /// `spec` of the kind Experiment; `kubectl explain experiment.spec` describes it.
    #[schema(value_type = Object)]
    spec: Map<String, Value>,
}

/// The resource that stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExperimentMade {
    name: String,
    namespace: String,
    uid: String,
    /// `draft` until it is started.
    state: &'static str,
}

/// Writes an Experiment, which waits until it is started.
///
/// By server-side apply as `threads-api`, not forced: a field that another manager owns is a conflict that names him. 200 where it
/// stood before.
#[utoipa::path(post, path = "/experiments/create", tag = "experiments", request_body = NewExperiment,
    security(("key" = ["experiments:write"])),
    responses((status = 201, body = ExperimentMade), (status = 200, body = ExperimentMade),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_experiment(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    JsonBody(told): JsonBody<NewExperiment>,
) -> Result<(StatusCode, Json<ExperimentMade>), Problem> {
    make(&app, &caller.namespace, told, false).await
}

/// Writes an Experiment that starts at once.
#[utoipa::path(post, path = "/experiments/start", tag = "experiments", request_body = NewExperiment,
    security(("key" = ["experiments:write"])),
    responses((status = 201, body = ExperimentMade), (status = 200, body = ExperimentMade),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_started_experiment(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    JsonBody(told): JsonBody<NewExperiment>,
) -> Result<(StatusCode, Json<ExperimentMade>), Problem> {
    make(&app, &caller.namespace, told, true).await
}

async fn make(
    app: &App,
    namespace: &str,
    told: NewExperiment,
    start: bool,
) -> Result<(StatusCode, Json<ExperimentMade>), Problem> {
    if told.spec.contains_key("suspend") {
        return Err(Problem::unprocessable(
            "leave out spec.suspend; POST /experiments/{name}/pause suspends",
        ));
    }
    let cluster = cluster(app)?;
    let stood = cluster.read(namespace, &told.name).await?.is_some();
    let object = cluster
        .apply(namespace, &told.name, &Value::Object(told.spec), start)
        .await?;
    let status = if stood {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let made = ExperimentMade {
        name: told.name,
        namespace: namespace.to_owned(),
        uid: object.metadata.uid.unwrap_or_default(),
        state: if start { "starting" } else { "draft" },
    };
    Ok((status, Json(made)))
}
