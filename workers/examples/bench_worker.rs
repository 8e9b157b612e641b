//! Posts per CPU-second of the worker: model, moderation, embeddings and vector index answer in process, Postgres and RabbitMQ
//! are real. The goal is 500.
//!
//! ```text
//! TEST_POSTGRES_SUPERUSER_URL=postgres://… TEST_AMQP_URL=amqp://… TEST_RABBITMQ_MANAGEMENT_URL=http://… \
//!     cargo run --profile image -p threads-worker --example bench_worker -- --posts 5000
//! ```
//! Prints one JSON object. Only the CPU time of this process between the first claim and the last commit counts; seeding
//! does not. A commit's own work is done by Postgres and is told apart as wall time.
#![allow(clippy::unwrap_used)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use async_trait::async_trait;
use clap::Parser;
use domain::{
    digest::sha256_hex,
    names,
    revision::{EndpointSettings, ModelSettings, VectorSettings},
    tasks::TaskFailure,
};
use std::{sync::Arc, time::Instant};
use support::{
    Bench,
    broker::{TestQueue, wake},
    completion,
    database::World,
    persona,
};
use tracing::{Span, info_span};
use worker::{
    adapters::wakeups::Queue,
    consume::Exit,
    ports::{
        Among, ChatRequest, Completion, Embedder, Embedding, IndexDown, Model, Neighbour, Point,
        VectorIndex,
    },
};

/// How much to measure.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 5_000)]
    posts: i32,
    #[arg(long, default_value_t = 1_536)]
    dimensions: u32,
    /// Traces one task in ten, as `tracing.samplingRatio: 0.1` does; OTEL_EXPORTER_OTLP_ENDPOINT names the receiver.
    #[arg(long)]
    traced: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    let mut persona = persona();
    persona.vectors.dimensions = arguments.dimensions;
    persona.moderation = Some(persona.embedding.clone());
    let Some(world) = World::create(persona).await else {
        return;
    };
    let Some(queue) = TestQueue::create().await else {
        return;
    };
    let run = world.run("generate", arguments.posts).await;
    let traces = telemetry::init("bench-worker");
    if arguments.traced {
        assert!(traces.on(), "OTEL_EXPORTER_OTLP_ENDPOINT is not set");
        name_traces(&world).await;
    }
    queue
        .publish(
            (0..arguments.posts).map(|index| wake(world.persona_uid, names::task_id(run, index))),
        )
        .await;

    let mut worker = world.worker(&Bench::new([]), run);
    worker.ports.model = Arc::new(Writer);
    worker.ports.embedder = Arc::new(Directions);
    worker.ports.index = Arc::new(EmptyIndex);
    let mut settings = world.settings(run);
    settings.queue.clone_from(&queue.name);
    let mut wakeups = Queue::start(&settings, &queue.credentials());

    let (cpu, wall) = (cpu_seconds(), Instant::now());
    assert_eq!(worker.consume(&mut wakeups).await.unwrap(), Exit::RunClosed);
    let wall = wall.elapsed().as_secs_f64();
    // The last spans count as well; their exporter needs this runtime meanwhile.
    tokio::task::spawn_blocking(|| traces.end()).await.unwrap();
    let cpu = cpu_seconds() - cpu;
    wakeups.stop().await;

    let posts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts WHERE point_version = embedding_version")
            .fetch_one(world.pool())
            .await
            .unwrap();
    assert_eq!(
        posts,
        i64::from(arguments.posts),
        "every task became a post with its point"
    );
    let per_cpu_second = posts as f64 / cpu;
    println!(
        "{}",
        serde_json::json!({
            "bench": "worker", "traced": arguments.traced, "posts": posts, "dimensions": arguments.dimensions, "cpuSeconds": cpu, "wallSeconds": wall,
            "postsPerCpuSecond": per_cpu_second, "goal": 500, "reached": per_cpu_second >= 500.0,
        })
    );
}

/// Gives each task the trace of a run of its own, one in ten of them sampled.
async fn name_traces(world: &World) {
    sqlx::query(
        "UPDATE tasks SET payload = payload || jsonb_build_object('traceparent',
             '00-' || md5(id::text) || '-' || left(md5(run_id::text), 16) || CASE WHEN index % 10 = 0 THEN '-01' ELSE '-00' END)",
    )
    .execute(world.pool())
    .await
    .unwrap();
}

/// The span of a call that answers in process, as the adapters have it.
fn call(name: &'static str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    info_span!(target: telemetry::TRACE, "call", otel.name = name, otel.kind = "client",
        gen_ai.operation.name = name, gen_ai.request.model = "model", server.address = "llm")
}

/// User and system time of this process, in seconds, from `/proc/self/stat`, whose unit is a hundredth of a second on Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Writes a hook of 20 and a body of 90 words, another for each prompt.
struct Writer;

#[async_trait]
impl Model for Writer {
    async fn complete(
        &self,
        _: &ModelSettings,
        request: &ChatRequest,
    ) -> Result<Completion, TaskFailure> {
        let _span = call("chat").entered();
        const WORDS: [&str; 16] = [
            "you", "release", "happy", "never", "engine", "why", "team", "great", "secret", "ship",
            "calm", "because", "worry", "friend", "discover", "today",
        ];
        let words = if request.user.starts_with("Continue") {
            90
        } else {
            20
        };
        let mut text = String::with_capacity(words * 8);
        let mut digest = sha256_hex(format!("{}{}", request.seed, request.user).as_bytes());
        while text.split(' ').count() < words {
            for letter in digest.bytes() {
                text.push_str(WORDS[usize::from(letter) % WORDS.len()]);
                text.push(if letter % 7 == 0 { '.' } else { ' ' });
                if letter % 7 == 0 {
                    text.push(' ');
                }
            }
            digest = sha256_hex(digest.as_bytes());
        }
        Ok(completion(
            text.split(' ').take(words).collect::<Vec<_>>().join(" "),
        ))
    }
}

/// Gives each text a direction of its own, so that no two are similar.
struct Directions;

#[async_trait]
impl Embedder for Directions {
    async fn embed(
        &self,
        _: &EndpointSettings,
        dimensions: u32,
        text: &str,
    ) -> Result<Embedding, TaskFailure> {
        let _span = call("embeddings").entered();
        let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }) | 1;
        let vector = (0..dimensions)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        Ok(Embedding {
            vector,
            tokens: Some(120),
        })
    }
}

struct EmptyIndex;

#[async_trait]
impl VectorIndex for EmptyIndex {
    async fn nearest(
        &self,
        _: &VectorSettings,
        _: &[f32],
        _: Among<'_>,
        _: u32,
    ) -> Result<Vec<Neighbour>, IndexDown> {
        let _span = call("nearest").entered();
        Ok(vec![])
    }

    async fn upsert(&self, _: &str, _: Point) -> Result<(), IndexDown> {
        let _span = call("upsert").entered();
        Ok(())
    }
}
