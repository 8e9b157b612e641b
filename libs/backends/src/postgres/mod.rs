//! Postgres: the system of record for tasks, posts, usage and the outbox.
//!
//! Workers reach it through [`worker`], which calls functions and has no right on any table. The operator reaches it
//! through [`operator::OperatorStore`], each of whose transactions proves that its leader still leads. The REST API reaches it
//! through [`api::ApiStore`], each of whose transactions is bound to the namespace of the caller's key.

pub mod achievements;
pub mod api;
pub mod error;
pub mod migrate;
pub mod operator;
pub mod testing;
pub mod worker;
pub mod worker_achievements;
pub mod worker_backfill;

pub use error::{ErrorClass, StoreError};
