//! The REST API of threads-agent.io.
//!
//! Every route stands in `routes/<noun>/<verb>.rs`, proves a permission by its [`access::Caller`] argument, and answers failures as
//! problem details (RFC 9457). What a caller sees is decided by row-level security: its transaction is bound to its key's namespace.

pub mod access;
pub mod cli;
pub mod exports;
mod input;
pub mod key;
mod key_command;
mod kubernetes;
mod layers;
mod metrics;
mod problem;
mod routes;
mod serve;
mod server;
mod state;

pub use kubernetes::Cluster;
pub use routes::{achievements_router, document, router};
pub use server::run as serve_connections;
pub use state::{App, Limits};

use cli::{Cli, Command};

/// Does what the command line says.
///
/// # Errors
/// A server that broke, or a database that does not do what the command asks.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(settings) => serve::serve(settings).await,
        Command::Keys(command) => key_command::run(command).await,
        Command::Openapi => {
            print!("{}", document()?);
            Ok(())
        }
    }
}
