//! A queue of its own on the broker that `TEST_AMQP_URL` and `TEST_RABBITMQ_MANAGEMENT_URL` name, both with an administrator's
//! user and password.
#![allow(clippy::unwrap_used, dead_code)]

use backends::{
    credential::Credential,
    rabbitmq::{
        BrokerAddress, Deleted, Delivery, Management, Outgoing, Publisher, QueueConsumer, Topology,
    },
};
use domain::names::dead_letter_queue;
use rabbitmq_http_client::api::ClientBuilder;
use secrecy::SecretString;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A queue of its own on the real broker.
pub struct World {
    pub amqp_url: String,
    pub management_url: String,
    pub topology: Topology,
    pub management: Management,
    pub queue: String,
}

impl World {
    pub async fn create() -> Option<Self> {
        let (Ok(amqp_url), Ok(management_url)) = (
            std::env::var("TEST_AMQP_URL"),
            std::env::var("TEST_RABBITMQ_MANAGEMENT_URL"),
        ) else {
            eprintln!("skipped: TEST_AMQP_URL and TEST_RABBITMQ_MANAGEMENT_URL name no broker");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = BrokerAddress::new(Credential::from(amqp_url.as_str()), "backends-test");
        let vhost = address.vhost().unwrap();
        let management =
            Management::new(&SecretString::from(management_url.clone()), &vhost).unwrap();
        let topology = Topology::new(address);
        topology.ensure_exchanges().await.unwrap();
        management.ensure_policy().await.unwrap();
        Some(Self {
            amqp_url,
            management_url,
            topology,
            management,
            queue: format!("content.generation.test.maya-{}", Uuid::new_v4().simple()),
        })
    }

    pub async fn with_queue() -> Option<Self> {
        let world = Self::create().await?;
        world
            .topology
            .ensure_work_queue(&world.queue)
            .await
            .unwrap();
        Some(world)
    }

    pub fn address(&self, name: &str) -> BrokerAddress {
        BrokerAddress::new(Credential::from(self.amqp_url.as_str()), name)
    }

    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.address("backends-test-publisher"))
    }

    pub fn consumer(&self, queue: &str, prefetch: u16) -> QueueConsumer {
        QueueConsumer::start(
            self.address("backends-test-consumer"),
            queue.to_owned(),
            prefetch,
        )
    }

    pub fn task(&self) -> Outgoing {
        Outgoing::task(self.queue.clone(), Uuid::new_v4(), b"{}".to_vec())
    }

    pub async fn publish(&self, count: usize) -> Vec<Uuid> {
        let batch: Vec<_> = (0..count).map(|_| self.task()).collect();
        let ids = batch.iter().map(|message| message.message_id).collect();
        let publisher = self.publisher();
        for verdict in publisher.publish_batch(batch).await {
            verdict.unwrap();
        }
        publisher.close().await;
        ids
    }

    pub async fn ready(&self, queue: &str) -> u32 {
        self.topology.depth(queue).await.unwrap().unwrap().ready
    }

    /// Waits until the queue holds so many messages.
    pub async fn holds(&self, queue: &str, count: u32) {
        let deadline = Instant::now() + PATIENCE;
        while self.ready(queue).await != count {
            assert!(
                Instant::now() < deadline,
                "{queue} does not hold {count} messages but {}",
                self.ready(queue).await
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends all connections of that name from the broker's side.
    pub async fn cut(&self, name: &str) {
        let url: reqwest::Url = self.management_url.parse().unwrap();
        let mut base = url.clone();
        base.set_username("").unwrap();
        base.set_password(None).unwrap();
        let client = ClientBuilder::new()
            .with_endpoint(format!("{}/api", base.as_str().trim_end_matches('/')))
            .with_basic_auth_credentials(
                url.username().to_owned(),
                url.password().unwrap().to_owned(),
            )
            .build()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let connections = client.list_connections().await.unwrap();
            let found: Vec<_> = connections
                .iter()
                .filter(|c| format!("{:?}", c.client_properties).contains(name))
                .collect();
            for connection in &found {
                client
                    .close_connection(&connection.name, Some("test"), true)
                    .await
                    .unwrap();
            }
            if !found.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the broker lists no connection {name}"
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn remove(self) {
        let dead = dead_letter_queue(&self.queue);
        for queue in [&self.queue, &dead] {
            self.topology.purge(queue).await.unwrap();
            let deadline = Instant::now() + PATIENCE;
            while let Deleted::Kept(depth) = self.topology.delete_if_idle(queue).await.unwrap() {
                assert!(
                    Instant::now() < deadline,
                    "{queue} is still in use: {depth:?}"
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.topology.close().await;
    }
}

pub async fn next(consumer: &mut QueueConsumer) -> Delivery {
    timeout(PATIENCE, consumer.next())
        .await
        .expect("a message comes")
        .unwrap()
}

pub fn id_of(delivery: &Delivery) -> Uuid {
    delivery.message_id().unwrap().parse().unwrap()
}
