//! What the definitions promise: bounds, rules and their cost, names, defaults; and that the examples keep to them.
#![allow(clippy::unwrap_used)]

mod achievement;
mod achievement_source;
mod chart;
mod content_job;
mod examples;
mod experiment;
mod persona;
mod prompt_template;
mod schema;
mod support;
mod upgrade;
