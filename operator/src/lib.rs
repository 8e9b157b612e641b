//! The operator: six controllers and a handful of loops under one elected, fenced leader.

pub mod achievement;
pub mod achievement_source;
pub mod cli;
pub mod content_job;
pub mod context;
pub mod controller;
pub mod experiment;
pub mod leadership;
pub mod loops;
pub mod metrics;
pub mod persona;
pub mod probe;
pub mod process;
pub mod prompt_template;
pub mod signals;
pub mod tenancy;
pub mod worker_pod;

pub use process::run;
