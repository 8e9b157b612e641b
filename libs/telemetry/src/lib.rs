//! What every binary of the product needs to be watched: logs as JSON lines, traces, a metrics registry, and the three endpoints
//! `/healthz`, `/readyz` and `/metrics`.

mod checks;
mod logs;
mod memory;
mod server;
mod traces;

pub use checks::{Check, Checks};
pub use memory::use_small_pages;
pub use prometheus;
pub use server::{Endpoints, bind};
pub use traces::{TRACE, Traces, child_of, continue_from, fail, init, run, traceparent};
