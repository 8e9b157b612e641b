//! The dashboards, one file each. Prometheus holds aggregates alone; what is about single resources comes from Postgres.

mod achievements;
mod backends;
mod experiments;
mod operator;
mod overview;
mod personas;
mod pipeline;

use crate::grafana::Dashboard;

/// All dashboards, in the order in which a person meets them.
#[must_use]
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        pipeline::dashboard(),
        personas::dashboard(),
        experiments::dashboard(),
        achievements::dashboard(),
        operator::dashboard(),
        backends::dashboard(),
    ]
}
