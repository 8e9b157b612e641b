//! A stand-in for the part of GitHub's REST API that a backfill reads, in the shapes that GitHub documents for API version
//! 2022-11-28. What it tells is invented: made from a seed, loaded from a fixture, or set by a test through the routes under
//! `/control`. Every answer carries `x-stand-in: github-dev`.
//!
//! ```text
//! routes ── access (token, rate limit, faults, ETag) ── world (repositories) ── shapes (GitHub's JSON)
//!                        control ──────────────────────►
//! ```

mod access;
mod control;
mod generate;
mod repository;
mod routes;
mod shapes;
mod world;

pub use control::{Fault, FaultKind, Faults};
pub use generate::Plan;
pub use repository::{Commit, Deployment, File, Happened, Pull, Push, Release, Repository};
pub use routes::router;
pub use world::{Merge, World};

use std::{net::SocketAddr, sync::Arc};

/// A stand-in that runs in this process until it is dropped.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    pub world: Arc<World>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// No free port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::default());
        let app = router(world.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("github-dev stand-in ends: {error}");
            }
        });
        Ok(Self {
            address,
            world,
            task,
        })
    }

    /// What a source names as its API base URL.
    #[must_use]
    pub fn api_base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
