//! The worker's tests over in-memory ports and, where one is offered, a real Postgres.

mod support;
