//! Tools of the end-to-end tests: a real cluster with the chart installed, and the stores behind it.
//!
//! `cargo xtask test` makes the cluster and says where everything is through the environment. Where it is not said, the
//! tests print that they are skipped.

pub mod api;
pub mod argocd;
pub mod cluster;
pub mod experiments;
pub mod jaeger;
pub mod keys;
pub mod manifests;
pub mod prometheus;
pub mod rows;
pub mod services;

pub use cluster::Cluster;
