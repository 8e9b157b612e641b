#![allow(clippy::unwrap_used)]

use super::*;
use axum::routing::get;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

async fn served(
    router: Router,
    headers: Duration,
) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let server = tokio::spawn(run_with(listener, router, stop.clone(), headers));
    (address, stop, server)
}

/// FAULTS 53: headers that do not end, and a connection on which nothing comes at all.
#[tokio::test]
async fn a_slow_client_loses_its_connection() {
    let (address, ..) = served(Router::new(), Duration::from_millis(50)).await;
    for start in ["", "P", "POST / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            // Closed, or reset because it still had something to say.
            let _ = stream.read_to_end(&mut answer).await;
        });
        ended.await.expect("the connection is still open");
    }
}

#[tokio::test]
async fn a_request_that_runs_is_answered_before_the_server_ends() {
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, waiting) = (entered.clone(), go_on.clone());
    let route = get(move || async move {
        inside.notify_one();
        waiting.notified().await;
        "done"
    });
    let (address, stop, server) =
        served(Router::new().route("/", route), Duration::from_secs(30)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    entered.notified().await;
    stop.cancel();
    go_on.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    server.await.unwrap();
}
