//! The publisher and the consumer through faults of a real RabbitMQ. Needs, beside `TEST_AMQP_URL` and
//! `TEST_RABBITMQ_MANAGEMENT_URL`, a broker that may be disturbed: `TEST_RABBITMQCTL` is a command that runs `rabbitmqctl` against it.
#![allow(clippy::unwrap_used)]

use backends::{
    credential::Credential,
    rabbitmq::{
        BrokerAddress, Management, Outgoing, PublishError, Publisher, QueueConsumer, Topology,
    },
};
use secrecy::SecretString;
use std::{collections::HashSet, time::Duration};
use tokio::{
    process::Command,
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
/// One disturbance at a time.
static BROKER: Mutex<()> = Mutex::const_new(());

struct World {
    amqp_url: String,
    control: String,
    topology: Topology,
    queue: String,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    async fn create() -> Option<Self> {
        let named = |name| std::env::var(name).ok();
        let (Some(amqp_url), Some(management_url), Some(control)) = (
            named("TEST_AMQP_URL"),
            named("TEST_RABBITMQ_MANAGEMENT_URL"),
            named("TEST_RABBITMQCTL"),
        ) else {
            eprintln!("skipped: TEST_RABBITMQCTL (or the broker's URLs) is not set");
            return None;
        };
        let alone = BROKER.lock().await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = BrokerAddress::new(Credential::from(amqp_url.as_str()), "backends-faults");
        let vhost = address.vhost().unwrap();
        let management = Management::new(&SecretString::from(management_url), &vhost).unwrap();
        management.ensure_policy().await.unwrap();
        let topology = Topology::new(address);
        topology.ensure_exchanges().await.unwrap();
        let queue = format!("content.generation.test.faults-{}", Uuid::new_v4().simple());
        topology.ensure_work_queue(&queue).await.unwrap();
        Some(Self {
            amqp_url,
            control,
            topology,
            queue,
            _alone: alone,
        })
    }

    fn address(&self) -> BrokerAddress {
        BrokerAddress::new(Credential::from(self.amqp_url.as_str()), "backends-faults")
    }

    fn batch(&self, count: usize) -> Vec<Outgoing> {
        (0..count)
            .map(|_| Outgoing::task(self.queue.clone(), Uuid::new_v4(), b"{}".to_vec()))
            .collect()
    }

    async fn rabbitmqctl(&self, arguments: &[&str]) {
        let done = Command::new(&self.control).args(arguments).output();
        let done = done.await.unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }

    async fn remove(self) {
        self.topology.purge(&self.queue).await.unwrap();
        let dead = domain::names::dead_letter_queue(&self.queue);
        for queue in [&self.queue, &dead] {
            self.topology.delete_if_idle(queue).await.unwrap();
        }
    }
}

/// Publishes until the broker has confirmed every message, as the relay does with its outbox.
async fn publish_all(publisher: &Publisher, mut left: Vec<Outgoing>) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let mut refused = 0;
    while !left.is_empty() {
        assert!(Instant::now() < deadline, "{} are never sent", left.len());
        let verdicts = publisher.publish_batch(left.clone()).await;
        let before = left.len();
        let mut verdicts = verdicts.into_iter();
        left.retain(|_| verdicts.next().unwrap().is_err());
        refused += left.len();
        if left.len() == before {
            tokio::task::yield_now().await;
        }
    }
    refused
}

/// FAULTS 15: the broker restarts while messages are on their way; each arrives, and none under another id.
#[tokio::test]
async fn a_restart_within_a_stream_of_batches_loses_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    let publisher = Publisher::new(world.address());
    let batches: Vec<_> = (0..40).map(|_| world.batch(100)).collect();
    let sent: HashSet<String> = batches
        .iter()
        .flatten()
        .map(|message| message.message_id.to_string())
        .collect();
    let mut consumer = QueueConsumer::start(world.address(), world.queue.clone(), 100);

    let publishing = async {
        let mut refused = 0;
        for (number, batch) in batches.into_iter().enumerate() {
            refused += if number == 5 {
                let restart = async {
                    world.rabbitmqctl(&["stop_app"]).await;
                    world.rabbitmqctl(&["start_app"]).await;
                };
                tokio::join!(restart, publish_all(&publisher, batch)).1
            } else {
                publish_all(&publisher, batch).await
            };
        }
        refused
    };
    let consuming = async {
        let mut seen = HashSet::new();
        while seen.len() < sent.len() {
            let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
            let id = delivery.message_id().unwrap().to_owned();
            // A delivery of the old connection cannot be settled, and comes again (FAULTS 20).
            if delivery.ack().await.is_ok() {
                seen.insert(id);
            }
        }
        seen
    };
    let (_, seen) = tokio::join!(publishing, consuming);
    assert_eq!(seen, sent);
    consumer.stop().await;
    publisher.close().await;
    world.remove().await;
}

/// FAULTS 19: under a memory alarm publishes are refused at once and acknowledgements still flow.
#[tokio::test]
async fn a_memory_alarm_refuses_publishes_and_lets_acknowledgements_through() {
    let Some(world) = World::create().await else {
        return;
    };
    let publisher = Publisher::new(world.address());
    assert_eq!(publish_all(&publisher, world.batch(20)).await, 0);
    let mut consumer = QueueConsumer::start(world.address(), world.queue.clone(), 1);
    let first = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();

    world
        .rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MB"])
        .await;
    let held = world.batch(3);
    let deadline = Instant::now() + PATIENCE;
    let begun = loop {
        let begun = Instant::now();
        let verdicts = publisher.publish_batch(held.clone()).await;
        if verdicts
            .iter()
            .all(|verdict| matches!(verdict, Err(PublishError::Blocked)))
        {
            break begun;
        }
        assert!(Instant::now() < deadline, "no alarm: {verdicts:?}");
    };
    assert!(begun.elapsed() < Duration::from_secs(5), "not at once");
    // One unsettled message at a time, so each of these needs the acknowledgement before it.
    first.ack().await.unwrap();
    for _ in 1..20 {
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        delivery.ack().await.unwrap();
    }

    world
        .rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"])
        .await;
    publish_all(&publisher, held.clone()).await;
    let mut missing: HashSet<_> = held.iter().map(|m| m.message_id.to_string()).collect();
    while !missing.is_empty() {
        let delivery = timeout(PATIENCE, consumer.next()).await.unwrap().unwrap();
        missing.remove(delivery.message_id().unwrap());
        delivery.ack().await.unwrap();
    }
    consumer.stop().await;
    publisher.close().await;
    world.remove().await;
}
