//! The relay over a real Postgres and a real RabbitMQ; needs `TEST_POSTGRES_SUPERUSER_URL` and `TEST_AMQP_URL`.
#![allow(clippy::unwrap_used)]

use backends::{
    credential::Credential,
    postgres::{operator::OperatorStore, testing::TestDatabase},
    rabbitmq::{BrokerAddress, Publisher, Topology},
};
use operator::loops::relay::{Relayed, relay_waiting};
use std::collections::BTreeSet;
use uuid::Uuid;

struct World {
    store: OperatorStore,
    publisher: Publisher,
    topology: Topology,
    queue: String,
}

impl World {
    /// `messages` unsent rows of one persona; its queue does not exist yet.
    async fn create(messages: i32) -> Option<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Ok(url) = std::env::var("TEST_AMQP_URL") else {
            eprintln!("skipped: TEST_AMQP_URL is not set, so there is no broker to test against");
            return None;
        };
        let database = TestDatabase::create().await.unwrap()?;
        let store = OperatorStore::lead(&database.operator_url, "test")
            .await
            .unwrap();
        let address = |name| BrokerAddress::new(Credential::from(url.as_str()), name);
        let queue = format!("content.generation.a.maya-{}", Uuid::new_v4().simple());
        let topology = Topology::new(address("relay-test-topology"));
        topology.ensure_exchanges().await.unwrap();
        let world = Self {
            store,
            publisher: Publisher::new(address("relay-test")),
            topology,
            queue,
        };
        world.add(messages).await;
        Some(world)
    }

    async fn add(&self, messages: i32) {
        let mut transaction = self.store.begin().await.unwrap();
        for statement in [
            "INSERT INTO personas (uid, namespace, namespace_uid, name, queue, collection)
             VALUES ('00000000-0000-0000-0000-000000000001', 'a', gen_random_uuid(), 'maya', $1, 'c')",
            "INSERT INTO persona_revisions (id, persona_uid, namespace, number, digest, spec)
             SELECT uid, uid, 'a', 1, 'd', '{}' FROM personas WHERE queue = $1",
            "INSERT INTO prompt_versions (namespace, digest, template_uid, template_name, version, number, system, hook, body)
             SELECT 'a', 'p', uid, 'launch', 'v1', 1, '', 'h', 'b' FROM personas WHERE queue = $1",
            "INSERT INTO content_runs (id, job_uid, namespace, namespace_uid, name, persona_uid, persona_name, spec_digest, kind,
                 credentials_digest, deadline_at)
             SELECT uid, uid, 'a', namespace_uid, 'launch', uid, 'maya', 'd', 'generate', 'c', now() + interval '1 hour'
             FROM personas WHERE queue = $1",
        ] {
            sqlx::query(statement).bind(&self.queue).execute(&mut *transaction).await.unwrap();
        }
        sqlx::query(
            "INSERT INTO tasks (id, namespace, run_id, persona_uid, persona_revision, prompt_digest, protocol, credentials_digest,
                 kind, index, payload)
             SELECT gen_random_uuid(), 'a', uid, uid, uid, 'p', 1, 'c', 'generate', index, '{}'
             FROM personas, generate_series(0, $1 - 1) index",
        )
        .bind(messages)
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
        self.store.sweep().await.unwrap();
    }

    async fn ready(&self) -> u32 {
        self.topology
            .depth(&self.queue)
            .await
            .unwrap()
            .unwrap()
            .ready
    }

    async fn retry_at_once(&self) {
        sqlx::query("UPDATE outbox SET not_before = now()")
            .execute(self.store.pool())
            .await
            .unwrap();
    }

    async fn relay(&self, publisher: &Publisher) -> Relayed {
        relay_waiting(&self.store, publisher, 100, |_| true)
            .await
            .unwrap()
    }

    async fn remove(self) {
        self.topology.purge(&self.queue).await.unwrap();
        for queue in [self.queue.clone(), format!("{}.dead", self.queue)] {
            self.topology.delete_if_idle(&queue).await.unwrap();
        }
    }
}

/// FAULTS 16: what no queue takes stays in the outbox, names its persona, and goes as soon as there is a queue.
#[tokio::test]
async fn unroutable_messages_wait_for_their_queue() {
    let Some(world) = World::create(3).await else {
        return;
    };
    let refused = world.relay(&world.publisher).await;
    assert_eq!((refused.sent, refused.refused, refused.deferred), (0, 3, 0));
    assert_eq!(
        refused.unroutable,
        BTreeSet::from([("a".to_owned(), "maya".to_owned())])
    );
    let persona = Uuid::from_u128(1);
    assert!(world.store.refused_reason(persona).await.unwrap().is_some());
    assert!(
        world.relay(&world.publisher).await.is_empty(),
        "each waits before it is tried again"
    );

    world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap();
    world.retry_at_once().await;
    assert_eq!(world.relay(&world.publisher).await.sent, 3);
    assert_eq!(world.store.refused_reason(persona).await.unwrap(), None);
    assert_eq!(world.ready().await, 3);
    world.remove().await;
}

/// FAULTS 15: batches go out whole and in order of age; what is marked as sent is on its queue, and is sent once.
#[tokio::test]
async fn a_backlog_drains_in_batches_and_each_message_once() {
    let Some(world) = World::create(250).await else {
        return;
    };
    world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap();
    let mut sent = Vec::new();
    let all = relay_waiting(&world.store, &world.publisher, 100, |relayed| {
        sent.push(relayed.sent);
        true
    });
    assert_eq!(all.await.unwrap().sent, 250);
    assert_eq!(sent, [100, 100, 50]);
    assert_eq!(world.store.unsent_messages(10, &[]).await.unwrap(), []);
    assert_eq!(world.ready().await, 250);
    world.remove().await;
}

/// FAULTS 15: the process ended between the confirm and the mark; the same messages go out again.
#[tokio::test]
async fn messages_that_were_confirmed_but_not_marked_go_out_again() {
    let Some(world) = World::create(2).await else {
        return;
    };
    world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap();
    world.relay(&world.publisher).await;
    sqlx::query("UPDATE outbox SET sent_at = NULL")
        .execute(world.store.pool())
        .await
        .unwrap();
    assert_eq!(world.relay(&world.publisher).await.sent, 2);
    assert_eq!(
        world.ready().await,
        4,
        "the claim tells which of them still means something"
    );
    world.remove().await;
}

#[tokio::test]
async fn without_a_broker_nothing_is_marked_and_everything_waits() {
    let Some(world) = World::create(2).await else {
        return;
    };
    let nobody = Publisher::new(BrokerAddress::new(
        Credential::from("amqp://u:p@127.0.0.1:1/v"),
        "relay-test",
    ));
    let deferred = world.relay(&nobody).await;
    assert_eq!(
        (deferred.sent, deferred.refused, deferred.deferred),
        (0, 0, 2)
    );
    assert!(deferred.trouble.is_some());
    assert_eq!(world.store.unsent_messages(10, &[]).await.unwrap().len(), 2);
}
