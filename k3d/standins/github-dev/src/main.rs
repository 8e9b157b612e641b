//! The stand-in as a process.

use clap::Parser;
use github_dev::{Plan, World, router};
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// A part of GitHub's REST API that needs no network; everything that it tells is invented, and labelled so.
#[derive(Parser)]
struct Settings {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8001")]
    listen: SocketAddr,
    /// JSON file with a list of repositories to start with, as `POST /control/repositories` takes them.
    #[arg(long)]
    fixture: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let world = World::default();
    if let Some(path) = &settings.fixture {
        let plans: Vec<Plan> = serde_json::from_slice(&std::fs::read(path)?)?;
        plans.iter().for_each(|plan| world.add(plan));
    }
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    println!("github-dev stand-in listens on {}", listener.local_addr()?);
    // Calls that hang as asked must not hold the end back, so it waits for none.
    tokio::select! {
        served = axum::serve(listener, router(Arc::new(world))) => served?,
        () = ended() => {}
    }
    Ok(())
}

/// Until somebody asks the process to end.
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
