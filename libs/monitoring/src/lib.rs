//! What is watched: every metric by name, the dashboards and alerts that are made of them, and their runbooks. A query is built from a
//! metric of the catalog, so that none can name what nobody exports.

pub mod alerts;
pub mod catalog;
pub mod dashboards;
pub mod grafana;
mod metric;
pub mod promql;
pub mod register;

pub use metric::{Kind, Label, Metric};
