//! How fast the relay empties its outbox: row → publish with `mandatory` → confirm of a quorum queue → marked as sent.
//!
//! Needs `TEST_POSTGRES_SUPERUSER_URL` and `TEST_AMQP_URL`; `MESSAGES` (100,000) says how many rows wait. Prints messages,
//! seconds, messages a second and bytes a message; where `PEER_PYTHON` names a Python with Celery, one Celery producer publishes
//! to the same broker afterwards, and the ratio is printed.

use anyhow::{Context, ensure};
use backends::{
    credential::Credential,
    postgres::{operator::OperatorStore, testing::TestDatabase},
    rabbitmq::{BrokerAddress, Publisher, Topology},
};
use operator::loops::relay::{BATCH, outgoing, relay_waiting};
use std::{
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::process::Command;

const QUEUE: &str = "content.generation.bench.relay-00000000";
/// Enough for a steady rate at one message in flight.
const PEER_MESSAGES: u32 = 3_000;
/// The peer needs some seconds; a broker in alarm lets it wait for ever.
const PEER_TIMEOUT: Duration = Duration::from_secs(300);

/// How often the broker may ask for a pause, and how long the pause is.
const MOST_ALARMS: u32 = 40;
const ALARM: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = std::env::var("TEST_AMQP_URL").context("TEST_AMQP_URL names no broker")?;
    let messages: i64 = std::env::var("MESSAGES").map_or(Ok(100_000), |count| count.parse())?;
    let database = TestDatabase::create()
        .await?
        .context("there is no Postgres")?;
    let store = OperatorStore::lead(&database.operator_url, "bench").await?;
    let address = |name| BrokerAddress::new(Credential::from(url.as_str()), name);
    let topology = Topology::new(address("bench-topology"));
    topology.ensure_exchanges().await?;
    topology.ensure_work_queue(QUEUE).await?;
    topology.purge(QUEUE).await?;
    seed(&store, messages).await?;
    let bytes = store
        .unsent_messages(1, &[])
        .await?
        .first()
        .map_or(0, |row| outgoing(row).body.len());

    let publisher = Publisher::new(address("bench-relay"));
    publisher.check().await?;
    let began = Instant::now();
    let (mut sent, mut alarms) = (0, 0);
    loop {
        let relayed = relay_waiting(&store, &publisher, BATCH, |_| true).await?;
        if relayed.is_empty() {
            break;
        }
        ensure!(
            relayed.refused == 0 && alarms < MOST_ALARMS,
            "not everything was confirmed: {relayed:?}"
        );
        sent += relayed.sent;
        if let Some(trouble) = relayed.trouble {
            // Its time counts: the relay waits as well.
            println!("after {sent} messages: {trouble}");
            alarms += 1;
            tokio::time::sleep(ALARM).await;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = sent as f64 / seconds;
    println!("relay   {sent} messages of {bytes} bytes in {seconds:.2} s: {rate:.0} a second");
    topology.purge(QUEUE).await?;
    topology.delete_if_idle(QUEUE).await?;
    topology.delete_if_idle(&format!("{QUEUE}.dead")).await?;
    if let Ok(python) = std::env::var("PEER_PYTHON") {
        println!("celery  {PEER_MESSAGES} messages, at most {PEER_TIMEOUT:?} ...");
        let peer = peer_rate(&python, &url, bytes).await?;
        println!(
            "celery  {PEER_MESSAGES} messages of {bytes} bytes, one in flight: {peer:.0} a second\nratio   {:.1}",
            rate / peer
        );
    }
    Ok(())
}

/// Messages a second of one Celery producer with confirms on a quorum queue of the same broker.
async fn peer_rate(python: &str, url: &str, bytes: usize) -> anyhow::Result<f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer_celery.py");
    let peer = Command::new(python)
        .args([script, url, &PEER_MESSAGES.to_string(), &bytes.to_string()])
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PEER_TIMEOUT, peer)
        .await
        .with_context(|| {
            format!("the peer did not end within {PEER_TIMEOUT:?}; is the broker in alarm (memory, disk)?")
        })?
        .with_context(|| format!("starting the peer {python}"))?;
    ensure!(
        output.status.success(),
        "the peer ended with {}; what it says stands above, and the relay's figure holds",
        output.status
    );
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("the peer's answer is no JSON")?;
    let number = |field: &str| answer[field].as_f64().with_context(|| field.to_owned());
    Ok(number("messages")? / number("seconds")?)
}

/// One persona with a run of so many queued tasks, each with a message that waits.
async fn seed(store: &OperatorStore, messages: i64) -> anyhow::Result<()> {
    let mut transaction = store.begin().await?;
    for statement in [
        "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection)
         VALUES (gen_random_uuid(), 'a', gen_random_uuid(), 'maya', $1, 'c')",
        "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec)
         SELECT uid, uid, 'a', 1, 'd', '{}' FROM personas WHERE queue = $1",
        "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
         SELECT 'a', 'p', uid, 'launch', 'v1', 1, '', 'h', 'b' FROM personas WHERE queue = $1",
        "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
             credentials_digest, deadline_at)
         SELECT uid, uid, 'a', namespace_uid, 'launch', uid, 'maya', 'd', 'generate', 'c', now() + interval '1 hour'
         FROM personas WHERE queue = $1",
    ] {
        sqlx::query(statement).bind(QUEUE).execute(&mut *transaction).await?;
    }
    for statement in [
        "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol, credentials_digest,
             kind, index, payload)
         SELECT gen_random_uuid(), 'a', uid, uid, uid, 'p', 1, 'c', 'generate', index, '{}'
         FROM personas, generate_series(0, $1 - 1) index",
        "INSERT INTO outbox (namespace, type, task_id, attempt)
         SELECT 'a', 'content.generation', id, 0 FROM tasks ORDER BY index LIMIT $1",
    ] {
        sqlx::query(statement).bind(messages).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    sqlx::query("ANALYZE").execute(store.pool()).await?;
    Ok(())
}
