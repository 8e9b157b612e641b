//! A queue of its own on a real RabbitMQ. Needs `TEST_AMQP_URL` and `TEST_RABBITMQ_MANAGEMENT_URL`, both with an administrator's
//! user and password.
#![allow(clippy::unwrap_used)]

use backends::{
    credential::Credential,
    rabbitmq::{BrokerAddress, Management, Outgoing, Publisher, Topology},
};
use domain::messages::{Body, Message, Metadata, Priority};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use worker::credentials::SecretDirectory;

const PATIENCE: Duration = Duration::from_secs(30);

/// One persona's queue, with its dead-letter queue.
pub struct TestQueue {
    pub name: String,
    pub topology: Topology,
    publisher: Publisher,
    files: PathBuf,
}

impl Drop for TestQueue {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

impl TestQueue {
    /// A queue, or none where no broker was offered.
    pub async fn create() -> Option<Self> {
        let (Ok(amqp), Ok(management)) = (
            std::env::var("TEST_AMQP_URL"),
            std::env::var("TEST_RABBITMQ_MANAGEMENT_URL"),
        ) else {
            eprintln!("skipped: TEST_AMQP_URL and TEST_RABBITMQ_MANAGEMENT_URL name no broker");
            return None;
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = BrokerAddress::new(Credential::from(amqp.as_str()), "worker-test");
        let topology = Topology::new(address.clone());
        topology.ensure_exchanges().await.unwrap();
        let management = Management::new(&management.into(), &address.vhost().unwrap()).unwrap();
        management.ensure_policy().await.unwrap();
        let name = format!("content.generation.team.maya-{}", Uuid::new_v4().simple());
        topology.ensure_work_queue(&name).await.unwrap();
        let files = std::env::temp_dir().join(format!("worker-queue-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("amqp-url"), amqp).unwrap();
        Some(Self {
            name,
            topology,
            publisher: Publisher::new(address),
            files,
        })
    }

    /// What a Pod has mounted.
    pub fn credentials(&self) -> SecretDirectory {
        SecretDirectory::new(&self.files)
    }

    pub async fn publish(&self, bodies: impl IntoIterator<Item = Vec<u8>>) {
        let batch = bodies
            .into_iter()
            .map(|body| Outgoing::task(self.name.clone(), Uuid::new_v4(), body))
            .collect();
        for confirmed in self.publisher.publish_batch(batch).await {
            confirmed.unwrap();
        }
    }

    /// Messages that wait in the queue, none of them with a consumer.
    pub async fn ready(&self, queue: &str) -> u32 {
        self.topology.depth(queue).await.unwrap().unwrap().ready
    }

    /// Waits until a queue holds so many messages.
    pub async fn holds(&self, queue: &str, count: u32) {
        let deadline = Instant::now() + PATIENCE;
        while self.ready(queue).await != count {
            assert!(
                Instant::now() < deadline,
                "{queue} never holds {count} messages"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The message that wakes a worker for a task.
pub fn wake(persona_uid: Uuid, task_id: Uuid) -> Vec<u8> {
    let message = Message {
        id: Uuid::new_v4(),
        body: Body::ContentGeneration {
            persona_uid,
            task_id,
        },
        metadata: Metadata {
            created_at: "2026-11-23T00:00:00Z".parse().unwrap(),
            priority: Priority::Medium,
            retry_count: 0,
        },
    };
    message.to_json()
}
