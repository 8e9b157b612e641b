//! Experiments: the resources, what they found out, and participants' arms.

mod assign;
mod change;
mod create;
mod list;
mod results;
mod track;

use crate::{kubernetes::Cluster, problem::Problem, state::App};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_experiments))
        .routes(routes!(create::create_experiment))
        .routes(routes!(create::create_started_experiment))
        .routes(routes!(change::start_experiment))
        .routes(routes!(change::pause_experiment))
        .routes(routes!(change::complete_experiment))
        .routes(routes!(results::read_results))
        .routes(routes!(assign::assign_participant))
        .routes(routes!(track::track_participant))
}

const NO_SUCH_EXPERIMENT: &str = "this namespace has no such experiment";
/// Longest name of a participant, in characters.
const MAX_PARTICIPANT: usize = 200;

fn cluster(app: &App) -> Result<&Cluster, Problem> {
    app.cluster.as_ref().ok_or_else(|| {
        Problem::unavailable("this API runs without a Kubernetes; apply the resource with kubectl")
    })
}
