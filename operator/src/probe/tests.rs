#![allow(clippy::unwrap_used)]

use super::*;
use prometheus::Registry;
use telemetry::{Checks, Endpoints};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn what_is_not_ready_is_told_with_its_reason() {
    let (live, ready) = (Checks::default(), Checks::default());
    let database = ready.register("postgres", "not asked yet");
    let listener = telemetry::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoints = Endpoints {
        live,
        ready,
        registry: Registry::new(),
    };
    let stop = CancellationToken::new();
    tokio::spawn(endpoints.serve(listener, stop.clone()));
    let url: Url = format!("http://{address}/readyz").parse().unwrap();
    let told = run(std::slice::from_ref(&url))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("503") && told.contains("not asked yet"),
        "{told}"
    );
    database.pass();
    run(&[url]).await.unwrap();
    let nobody: Url = "http://127.0.0.1:9/readyz".parse().unwrap();
    let told = run(&[nobody]).await.unwrap_err().to_string();
    assert!(told.contains("was not reached"), "{told}");
    stop.cancel();
}
