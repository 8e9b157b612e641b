//! An OpenAI-compatible endpoint that needs no network: deterministic from its input, and labelled wherever it answers.
//!
//! It exists so that the whole product can be seen and tested on a machine without a model. What it writes is assembled from
//! fixed parts; it tells nothing about how a model writes. Faults are asked for in the model's name (see
//! [`faults`]) or for every model (see [`control`]).

mod compose;
mod control;
mod embedding;
mod faults;
mod phrases;
mod routes;
mod topics;

use clap::Parser;
use std::net::SocketAddr;

#[derive(Parser)]
struct Settings {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    println!("llm-dev stand-in listens on {}", settings.listen);
    // Calls that hang as asked must not hold the end back, so it waits for none.
    tokio::select! {
        served = axum::serve(listener, routes::router()) => served?,
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
