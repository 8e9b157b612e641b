//! `worker analyse` as Kubernetes starts it: environment, mounted files, exit codes. Postgres and the endpoint are real servers;
//! RabbitMQ and Qdrant are down, which must not matter (FAULTS 15, 29).
#![allow(clippy::unwrap_used)]

use crate::support::analysis::Office;
use serde_json::json;
use std::{path::Path, process::Command};
use uuid::Uuid;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

fn mount(files: &Path, office: &Office) {
    for (name, content) in [
        ("credentials/database-url", office.worker_url()),
        (
            "credentials/amqp-url",
            "amqp://worker:canary-amqp@127.0.0.1:1/threads".to_owned(),
        ),
        ("credentials/qdrant-url", "http://127.0.0.1:1".to_owned()),
        ("credentials/qdrant-token", "canary-token".to_owned()),
        ("keys/embedding", "canary-embedding".to_owned()),
    ] {
        let file = files.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}

#[tokio::test]
async fn the_program_analyses_what_waits_and_leaves() {
    let Some(office) = Office::create().await else {
        return;
    };
    let server = MockServer::start().await;
    let vector: Vec<f32> = (0..32_u8).map(f32::from).collect();
    Mock::given(path("/v1/embeddings"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(
                json!({"data": [{"embedding": vector}], "usage": {"prompt_tokens": 7}}),
            ),
        )
        .mount(&server)
        .await;
    office.endpoint(&format!("{}/v1", server.uri())).await;
    let first = office.record("The start is faster", "maya", 1).await;
    let second = office.record("The start is faster", "maya", 2).await;
    let files = std::env::temp_dir().join(format!("analyse-pod-{}", Uuid::new_v4()));
    mount(&files, &office);
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command
        .arg("analyse")
        .env("RUST_LOG", "debug")
        .env("THREADS_NAMESPACE", "team")
        .env("THREADS_SOURCE_UID", office.source.to_string())
        .env("THREADS_QUEUE", "queue")
        .env("THREADS_CREDENTIALS_DIGEST", "credentials")
        .env("POD_NAME", "pod-0")
        .env("CREDENTIALS_DIR", files.join("credentials"))
        .env("KEYS_DIR", files.join("keys"))
        .env("HTTPS_PROXY", "")
        .env("CA_BUNDLE", "");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let log = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(!log.contains("canary"), "FAULTS 60: {log}");
    assert_eq!(office.tasks("completed").await, 2);
    assert_eq!(
        office.column(first, "formula_version").await,
        json!(domain::achievement::FORMULA_VERSION)
    );
    assert_eq!(office.column(second, "duplicate_of").await, json!(first));
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked[0].headers["authorization"], "Bearer canary-embedding");
    let _ = std::fs::remove_dir_all(&files);
}
