//! A broker that is short of memory, and one that goes away and comes back. Both befall everybody who uses it, so beside the
//! broker's URLs this needs `TEST_RABBITMQCTL`, the path of a command that controls a broker which nobody else needs.
#![allow(clippy::unwrap_used)]

use backends::{
    class::FailureClass,
    credential::Credential,
    rabbitmq::{BrokerAddress, Outgoing, PublishError, Publisher, QueueConsumer, Topology},
};
use std::{collections::HashSet, time::Duration};
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    url: String,
    control: String,
    queue: String,
}

impl World {
    async fn create() -> Option<Self> {
        let (Ok(url), Ok(control)) = (
            std::env::var("TEST_AMQP_URL"),
            std::env::var("TEST_RABBITMQCTL"),
        ) else {
            eprintln!(
                "skipped: TEST_AMQP_URL and TEST_RABBITMQCTL name no broker that may be disturbed"
            );
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let queue = format!("content.generation.test.fault-{}", Uuid::new_v4().simple());
        let world = Self {
            url,
            control,
            queue,
        };
        let topology = world.topology();
        topology.ensure_exchanges().await.unwrap();
        topology.ensure_work_queue(&world.queue).await.unwrap();
        topology.close().await;
        Some(world)
    }

    fn address(&self) -> BrokerAddress {
        BrokerAddress::new(Credential::from(self.url.as_str()), "backends-fault-test")
    }

    fn topology(&self) -> Topology {
        Topology::new(self.address())
    }

    fn task(&self) -> Outgoing {
        Outgoing::task(self.queue.clone(), Uuid::new_v4(), b"{}".to_vec())
    }

    async fn control(&self, arguments: &[&str]) {
        let ran = Command::new(&self.control)
            .args(arguments)
            .output()
            .await
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    }

    async fn remove(self) {
        let topology = self.topology();
        for queue in [
            self.queue.clone(),
            domain::names::dead_letter_queue(&self.queue),
        ] {
            topology.purge(&queue).await.unwrap();
            topology.delete_if_idle(&queue).await.unwrap();
        }
        topology.close().await;
    }
}

/// Publishes until the broker takes the message; answers the verdicts before that.
async fn insist(publisher: &Publisher, message: &Outgoing) -> Vec<PublishError> {
    let deadline = Instant::now() + PATIENCE;
    let mut refused = Vec::new();
    while let Err(error) = publisher
        .publish_batch(vec![message.clone()])
        .await
        .remove(0)
    {
        assert!(
            Instant::now() < deadline,
            "the broker takes nothing: {error:?}"
        );
        refused.push(error);
        sleep(Duration::from_millis(200)).await;
    }
    refused
}

async fn message_ids(consumer: &mut QueueConsumer, wanted: &HashSet<Uuid>) {
    let mut missing = wanted.clone();
    while !missing.is_empty() {
        let delivery = timeout(PATIENCE, consumer.next())
            .await
            .unwrap_or_else(|_| panic!("{missing:?} do not come"))
            .unwrap();
        missing.remove(&delivery.message_id().unwrap().parse().unwrap());
        // One that came over a connection that is gone comes again.
        let _ = delivery.ack().await;
    }
}

/// FAULTS 19 and 15, one after the other, because each needs the broker for itself.
#[tokio::test]
async fn an_alarm_holds_publishers_but_no_acknowledgement_and_a_restart_loses_nothing() {
    let Some(world) = World::create().await else {
        return;
    };
    let publisher = Publisher::new(world.address());
    let before = world.task();
    assert!(insist(&publisher, &before).await.is_empty());

    world
        .control(&["set_vm_memory_high_watermark", "0.000001"])
        .await;
    let held = world.task();
    let first = publisher.publish_batch(vec![held.clone()]).await.remove(0);
    let mut consumer = QueueConsumer::start(world.address(), world.queue.clone(), 1);
    let delivery = timeout(PATIENCE, consumer.next()).await;
    let acked = match delivery {
        Ok(Some(delivery)) => delivery.ack().await.map_err(|error| error.to_string()),
        other => Err(format!("nothing is delivered: {other:?}")),
    };
    world
        .control(&["set_vm_memory_high_watermark", "0.4"])
        .await;
    assert!(matches!(first, Err(PublishError::Blocked)), "{first:?}");
    assert_eq!(first.unwrap_err().class(), FailureClass::Waiting);
    assert_eq!(acked, Ok(()), "acknowledgements flow while publishers wait");
    insist(&publisher, &held).await;

    let sent: Vec<_> = (0..50).map(|_| world.task()).collect();
    let verdicts = publisher.publish_batch(sent.clone()).await;
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    world.control(&["stop_app"]).await;
    let lost = publisher.publish_batch(vec![world.task()]).await.remove(0);
    let error = lost.expect_err("a broker that is down confirms nothing");
    assert_eq!(error.class(), FailureClass::Transient, "{error:?}");
    world.control(&["start_app"]).await;

    let after = world.task();
    insist(&publisher, &after).await;
    let wanted = sent
        .iter()
        .chain([&held, &after])
        .map(|message| message.message_id)
        .collect();
    message_ids(&mut consumer, &wanted).await;
    consumer.stop().await;
    publisher.close().await;
    world.remove().await;
}
