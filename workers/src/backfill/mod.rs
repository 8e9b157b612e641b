//! Reads what a source's repositories hold, so that nothing is missing whatever became of webhooks: merged pull requests, pushes past
//! them, releases and successful deployments.
//!
//! ```text
//! run ── repositories ── fill ── feeds (pulls, pushes, releases, deployments) ── host (octocrab)
//!                          │            └── reading: the host's JSON as domain facts
//!                          ├── walk: where a list stands        ledger: page and cursor in one transaction
//!                          └── resolve: commits of releases and deployments, by comparing
//! ```

pub mod cli;
pub mod comparing;
pub mod feeds;
mod fill;
pub mod host;
mod ledger;
pub mod reading;
mod repositories;
pub mod run;
pub mod walk;

pub use repositories::Ending;
