//! The worker's tests over in-memory ports and, where one is offered, a real Postgres.

mod analyse;
mod analyse_process;
mod backfill;
mod backfill_process;
mod backfill_trouble;
mod crash;
mod database;
mod database_faults;
mod failures;
mod gates;
mod gates_of_text;
mod index;
mod lease;
mod pipeline;
mod process;
mod stopping;
mod support;
mod waking;
