//! The program as Kubernetes starts it: environment, mounted files, signals and exit codes. Postgres and the endpoints are
//! real servers; RabbitMQ and Qdrant are down, which must not matter (FAULTS 15, 29).
#![allow(clippy::unwrap_used)]

use crate::{
    index::collection,
    support::{broker::TestQueue, database::World, persona},
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::path};

/// A Pod's file system and environment.
struct Pod {
    files: PathBuf,
    command: Command,
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

impl Pod {
    fn new(world: &World, run: Uuid) -> Self {
        let files = std::env::temp_dir().join(format!("worker-pod-{}", Uuid::new_v4()));
        for (name, content) in [
            ("credentials/database-url", world.worker_url()),
            (
                "credentials/amqp-url",
                "amqp://worker:canary-amqp@127.0.0.1:1/threads".to_owned(),
            ),
            ("credentials/qdrant-url", "http://127.0.0.1:1".to_owned()),
            ("credentials/qdrant-token", "canary-token".to_owned()),
            ("keys/model", "canary-model".to_owned()),
            ("keys/embedding", "canary-embedding".to_owned()),
        ] {
            let path = files.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command
            .env("RUST_LOG", "debug")
            .env("THREADS_NAMESPACE", "team")
            .env("THREADS_PERSONA_UID", world.persona_uid.to_string())
            .env("THREADS_QUEUE", "queue")
            .env("THREADS_RUN_ID", run.to_string())
            .env("THREADS_CREDENTIALS_DIGEST", "credentials")
            .env("THREADS_GRACE_SECONDS", "4")
            .env("POD_NAME", "pod-0")
            .env("CREDENTIALS_DIR", files.join("credentials"))
            .env("KEYS_DIR", files.join("keys"))
            .env("HTTPS_PROXY", "")
            .env("CA_BUNDLE", "")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { files, command }
    }

    /// Another content of a mounted file.
    fn mount(&self, name: &str, content: &str) {
        std::fs::write(self.files.join(name), content).unwrap();
    }

    fn spawn(&mut self) -> Child {
        self.command.spawn().unwrap()
    }

    async fn run(&mut self) -> Output {
        wait(self.spawn()).await
    }
}

async fn wait(child: Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap()
}

fn log(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// An endpoint that writes another text for each prompt and seed.
async fn endpoint(delay: Duration) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/v1/chat/completions"))
        .respond_with(move |request: &Request| {
            let asked: Value = request.body_json().unwrap();
            let text = domain::digest::digest_of(&json!([asked["messages"], asked["seed"]]));
            let words: Vec<&str> = (0..16).map(|place| &text[place * 4..place * 4 + 4]).collect();
            ResponseTemplate::new(200).set_delay(delay).set_body_json(json!({
                "model": "writer-2", "usage": {"prompt_tokens": 10, "completion_tokens": 5},
                "choices": [{"message": {"content": format!("We wrote {}.", words.join(" "))}, "finish_reason": "stop"}],
            }))
        })
        .mount(&server)
        .await;
    Mock::given(path("/v1/embeddings"))
        .respond_with(|request: &Request| {
            let asked: Value = request.body_json().unwrap();
            let digest = domain::digest::digest_of(&asked["input"]);
            let vector: Vec<f32> = digest.bytes().map(|byte| f32::from(byte) - 75.0).collect();
            ResponseTemplate::new(200).set_body_json(
                json!({"data": [{"embedding": vector}], "usage": {"prompt_tokens": 7}}),
            )
        })
        .mount(&server)
        .await;
    server
}

/// Waits until the worker has asked the model; it must not have ended before.
async fn first_request(server: &MockServer, child: &mut Child) {
    while server
        .received_requests()
        .await
        .is_none_or(|requests| requests.is_empty())
    {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "the worker ended before it asked the model"
        );
        tokio::task::yield_now().await;
    }
}

async fn world(server: &MockServer) -> Option<World> {
    let mut persona = persona();
    persona.model.endpoint.endpoint = format!("{}/v1", server.uri());
    persona.embedding.endpoint = format!("{}/v1", server.uri());
    World::create(persona).await
}

async fn count(world: &World, what: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
        .fetch_one(world.pool())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_writes_its_run_and_exits_0_and_no_secret_is_in_its_log() {
    let server = endpoint(Duration::ZERO).await;
    let Some(world) = world(&server).await else {
        return;
    };
    let run = world.run("generate", 3).await;
    let output = Pod::new(&world, run).run().await;
    let log = log(&output);
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert_eq!(
        count(
            &world,
            "posts WHERE tokens_used = 37 AND model = 'writer-2'"
        )
        .await,
        3,
        "{log}"
    );
    assert!(
        !log.contains("canary") && !log.contains("a-password-of-more"),
        "FAULTS 60: {log}"
    );
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "every line is JSON: {log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_35_sigterm_mid_post_gives_the_task_back_and_exits_0_within_the_grace_period() {
    let server = endpoint(Duration::from_secs(60)).await;
    let Some(world) = world(&server).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    let mut pod = Pod::new(&world, run);
    let mut child = pod.spawn();
    let pid = child.id().to_string();
    first_request(&server, &mut child).await;
    let asked = std::time::Instant::now();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = wait(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(
        count(
            &world,
            "tasks WHERE status = 'queued' AND retry_count = 0 AND lease_token IS NULL"
        )
        .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_34_a_killed_pod_s_task_is_written_by_the_next_one() {
    let server = endpoint(Duration::from_secs(60)).await;
    let Some(world) = world(&server).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    let mut pod = Pod::new(&world, run);
    let mut child = pod.spawn();
    first_request(&server, &mut child).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // The same endpoint, now quick.
    let quick = endpoint(Duration::ZERO).await;
    let spec = serde_json::to_string(&world.persona)
        .unwrap()
        .replace(&server.uri(), &quick.uri());
    sqlx::query("UPDATE persona_revisions SET spec = $1::jsonb")
        .bind(spec)
        .execute(world.pool())
        .await
        .unwrap();
    sqlx::query("UPDATE tasks SET status = 'queued', lease_token = NULL, lease_until = NULL")
        .execute(world.pool())
        .await
        .unwrap();
    let output = Pod::new(&world, run).run().await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert_eq!(
        (count(&world, "posts").await, count(&world, "usage").await),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_schema_ends_the_worker_with_a_code_of_its_own() {
    let server = endpoint(Duration::ZERO).await;
    let Some(world) = world(&server).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    sqlx::query("UPDATE install_settings SET schema_version = 999")
        .execute(world.pool())
        .await
        .unwrap();
    let output = Pod::new(&world, run).run().await;
    assert_eq!(output.status.code(), Some(3), "{}", log(&output));
    assert_eq!(count(&world, "tasks WHERE claims = 0").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_credential_is_named() {
    let server = endpoint(Duration::ZERO).await;
    let Some(world) = world(&server).await else {
        return;
    };
    let mut pod = Pod::new(&world, Uuid::nil());
    std::fs::remove_file(pod.files.join("credentials/database-url")).unwrap();
    let output = pod.run().await;
    assert_eq!(output.status.code(), Some(1));
    assert!(log(&output).contains("database-url"), "{}", log(&output));
}

/// Needs `TEST_LLM_URL` (an OpenAI-compatible base URL such as the stand-in's) beside what [`TestQueue`] and
/// [`collection`] need.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_every_system_real_leaves_rows_and_points() {
    let Ok(model) = std::env::var("TEST_LLM_URL") else {
        eprintln!("skipped: TEST_LLM_URL names no model");
        return;
    };
    let (Some(queue), Some((collection, qdrant, store))) =
        (TestQueue::create().await, collection(1536).await)
    else {
        return;
    };
    let mut persona = persona();
    persona.vectors.dimensions = 1536;
    persona.vectors.collection.clone_from(&collection);
    persona.model.endpoint.endpoint.clone_from(&model);
    persona.embedding.endpoint.clone_from(&model);
    persona.moderation = Some(persona.embedding.clone());
    let Some(world) = World::create(persona).await else {
        return;
    };
    let run = world.run("generate", 3).await;
    let mut pod = Pod::new(&world, run);
    pod.mount(
        "credentials/amqp-url",
        &std::env::var("TEST_AMQP_URL").unwrap(),
    );
    pod.mount("credentials/qdrant-url", &qdrant);
    pod.mount(
        "credentials/qdrant-token",
        &std::env::var("TEST_QDRANT_API_KEY").unwrap(),
    );
    pod.mount("keys/moderation", "canary-moderation");
    pod.command.env("THREADS_QUEUE", &queue.name);
    let output = pod.run().await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert_eq!(
        count(
            &world,
            "posts WHERE point_version = embedding_version AND score_bp > 0"
        )
        .await,
        3,
        "{}",
        log(&output)
    );
    assert_eq!(store.count(&collection).await.unwrap(), 3);
    assert!(
        !log(&output).contains("canary"),
        "FAULTS 60: {}",
        log(&output)
    );
}
