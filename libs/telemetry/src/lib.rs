//! What every binary of the product needs to be watched: logs as JSON lines, a metrics registry, and the three endpoints
//! `/healthz`, `/readyz` and `/metrics`.

mod checks;
mod logs;
mod memory;
mod server;

pub use checks::{Check, Checks};
pub use logs::init_logs;
pub use memory::use_small_pages;
pub use prometheus;
pub use server::{Endpoints, bind};
