//! The worker that runs inside a ContentJob's Pods: a consume loop over task rows, and the pipeline that makes a post of a
//! task.
//!
//! ```text
//! consume ── claim ──► attempt ── guarded ──► generate (ingest → … → dedup) ──► commit ──► point
//!    ▲                    │ heartbeat, time limit, grace period      plan
//!    └── wake-up, time ◄──┘
//! ```
//!
//! The outside systems are traits in [`ports`]; [`adapters`] has the real ones.

// The types of nested futures of clients and servers go deeper than the default.
#![recursion_limit = "512"]

pub mod adapters;
pub mod analyse;
pub mod attempt;
pub mod backfill;
mod backoff;
pub mod cli;
pub mod consume;
pub mod credentials;
pub mod failure;
pub mod generate;
pub mod meter;
pub mod plan;
pub mod ports;
pub mod run;
pub mod stop;
mod tokens;
mod trace;
