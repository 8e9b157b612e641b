//! `POST /experiments/{name}/{start,pause,complete}`: draft → active → paused → completed.

use super::{NO_SUCH_EXPERIMENT, cluster};
use crate::{
    access::{Caller, ExperimentsWrite},
    input::PathOf,
    kubernetes::{ANNOTATION_CANCEL, ANNOTATION_START, Change},
    problem::Problem,
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use kube::api::DynamicObject;
use serde::Serialize;
use utoipa::ToSchema;

/// What was asked for; the operator brings it about.
#[derive(Debug, Serialize, ToSchema)]
pub struct Asked {
    name: String,
    asked: &'static str,
}

/// What the resource says of itself.
struct Standing {
    started: bool,
    suspended: bool,
    ended: bool,
}

impl Standing {
    fn of(object: &DynamicObject) -> Self {
        let annotated = |name: &str| {
            let annotations = object.metadata.annotations.as_ref();
            annotations.is_some_and(|annotations| annotations.contains_key(name))
        };
        let at = |pointer: &str| object.data.pointer(pointer);
        Self {
            started: annotated(ANNOTATION_START) || at("/status/startedAt").is_some(),
            suspended: at("/spec/suspend").and_then(serde_json::Value::as_bool) == Some(true),
            ended: annotated(ANNOTATION_CANCEL) || at("/status/endedAt").is_some(),
        }
    }

    /// The changes that start it.
    fn start(&self) -> Result<Vec<Change>, &'static str> {
        match (self.ended, self.started, self.suspended) {
            (true, ..) => Err("it has ended; create one with another name"),
            (false, true, false) => Err("it runs already"),
            (false, true, true) => Ok(vec![Change::Suspend(false)]),
            (false, false, true) => Ok(vec![Change::Suspend(false), Change::Start]),
            (false, false, false) => Ok(vec![Change::Start]),
        }
    }

    fn pause(&self) -> Result<Vec<Change>, &'static str> {
        match (self.ended, self.started, self.suspended) {
            (true, ..) => Err("it has ended"),
            (false, false, _) => Err("it has not started"),
            (false, true, true) => Err("it is paused already"),
            (false, true, false) => Ok(vec![Change::Suspend(true)]),
        }
    }

    fn complete(&self) -> Result<Vec<Change>, &'static str> {
        match (self.ended, self.started) {
            (true, _) => Err("it has ended already"),
            (false, false) => Err("it has not started; delete the resource instead"),
            (false, true) => Ok(vec![Change::Cancel]),
        }
    }
}

/// Starts an experiment, or resumes a paused one.
#[utoipa::path(post, path = "/experiments/{name}/start", tag = "experiments", params(("name" = String, Path)),
    security(("key" = ["experiments:write"])),
    responses((status = 202, body = Asked), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn start_experiment(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    PathOf(name): PathOf<String>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    change(&app, &caller.namespace, name, "start", Standing::start).await
}

/// Suspends an experiment: no unit is assigned, nothing is evaluated, outcomes are still taken in.
#[utoipa::path(post, path = "/experiments/{name}/pause", tag = "experiments", params(("name" = String, Path)),
    security(("key" = ["experiments:write"])),
    responses((status = 202, body = Asked), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn pause_experiment(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    PathOf(name): PathOf<String>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    change(&app, &caller.namespace, name, "pause", Standing::pause).await
}

/// Ends an experiment without a decision.
#[utoipa::path(post, path = "/experiments/{name}/complete", tag = "experiments", params(("name" = String, Path)),
    security(("key" = ["experiments:write"])),
    responses((status = 202, body = Asked), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn complete_experiment(
    State(app): State<App>,
    caller: Caller<ExperimentsWrite>,
    PathOf(name): PathOf<String>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    change(
        &app,
        &caller.namespace,
        name,
        "complete",
        Standing::complete,
    )
    .await
}

async fn change(
    app: &App,
    namespace: &str,
    name: String,
    verb: &'static str,
    plan: impl FnOnce(&Standing) -> Result<Vec<Change>, &'static str>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let cluster = cluster(app)?;
    let object = cluster
        .read(namespace, &name)
        .await?
        .ok_or_else(|| Problem::not_found(NO_SUCH_EXPERIMENT))?;
    let changes = plan(&Standing::of(&object))
        .map_err(|why| Problem::conflict(format!("the experiment cannot {verb}: {why}")))?;
    for change in changes {
        cluster.change(namespace, &object, change).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(Asked { name, asked: verb })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_allows_what_can_follow_it() {
        let at = |started, suspended, ended| Standing {
            started,
            suspended,
            ended,
        };
        let draft = at(false, false, false);
        assert!(draft.start().is_ok() && draft.pause().is_err() && draft.complete().is_err());
        let active = at(true, false, false);
        assert!(active.start().is_err() && active.pause().is_ok() && active.complete().is_ok());
        let paused = at(true, true, false);
        assert!(paused.start().is_ok() && paused.pause().is_err() && paused.complete().is_ok());
        let ended = at(true, false, true);
        assert!(ended.start().is_err() && ended.pause().is_err() && ended.complete().is_err());
    }
}
