//! What the Persona's reconcile sees of a real broker and a real vector index. Skipped where none is named by
//! `TEST_AMQP_URL` and `TEST_RABBITMQ_MANAGEMENT_URL`, or `TEST_QDRANT_URL` and `TEST_QDRANT_API_KEY`.
#![allow(clippy::unwrap_used)]

use backends::{
    credential::Credential,
    qdrant::VectorStore,
    rabbitmq::{BrokerAddress, Management, Topology},
};
use domain::names::dead_letter_queue;
use operator::persona::{
    adapters::BrokerQueues,
    ports::{CollectionSight, PortError, QueuePort, QueueSight, VectorPort, WantedCollection},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

struct Broker {
    queues: BrokerQueues,
    topology: Arc<Topology>,
    queue: String,
}

fn broker() -> Option<Broker> {
    let (Ok(amqp), Ok(management)) = (
        std::env::var("TEST_AMQP_URL"),
        std::env::var("TEST_RABBITMQ_MANAGEMENT_URL"),
    ) else {
        eprintln!("skipped: TEST_AMQP_URL and TEST_RABBITMQ_MANAGEMENT_URL name no broker");
        return None;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = BrokerAddress::new(Credential::from(amqp.as_str()), "operator-test");
    let management = Management::new(&management.into(), &address.vhost().unwrap()).unwrap();
    let topology = Arc::new(Topology::new(address));
    let queue = format!("content.generation.test.maya-{}", Uuid::new_v4().simple());
    Some(Broker {
        queues: BrokerQueues::new(topology.clone(), Arc::new(management)),
        topology,
        queue,
    })
}

/// Reads until the broker shows what is expected: its lists follow its deeds by a moment.
async fn eventually(broker: &Broker, expected: impl Fn(&QueueSight) -> bool) {
    let mut seen = QueueSight::Absent;
    for _ in 0..200 {
        seen = broker
            .queues
            .list()
            .await
            .unwrap()
            .work_queue(&broker.queue);
        if expected(&seen) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the broker still shows {seen:?}");
}

/// FAULTS 17.
#[tokio::test]
async fn a_queue_is_seen_absent_standing_and_absent_again() {
    let Some(broker) = broker() else { return };
    broker.queues.ensure_shared().await.unwrap();
    assert_eq!(
        broker.queues.work_queue(&broker.queue).await.unwrap(),
        QueueSight::Absent
    );
    broker.queues.declare(&broker.queue).await.unwrap();
    let dead = dead_letter_queue(&broker.queue);
    assert_eq!(
        broker.queues.work_queue(&broker.queue).await.unwrap(),
        QueueSight::Standing { ready: 0 }
    );
    eventually(&broker, |sight| *sight == QueueSight::Standing { ready: 0 }).await;
    assert_eq!(
        broker
            .queues
            .dead_letter_queue(&broker.queue)
            .await
            .unwrap(),
        QueueSight::Standing { ready: 0 }
    );
    broker.topology.delete_if_idle(&broker.queue).await.unwrap();
    eventually(&broker, |sight| *sight == QueueSight::Absent).await;
    broker.queues.declare(&broker.queue).await.unwrap();
    eventually(&broker, |sight| {
        matches!(sight, QueueSight::Standing { .. })
    })
    .await;
    for name in [&broker.queue, &dead] {
        broker.queues.delete(name).await.unwrap();
        broker.queues.delete(name).await.unwrap();
    }
    eventually(&broker, |sight| *sight == QueueSight::Absent).await;
}

/// FAULTS 18.
#[tokio::test]
async fn a_queue_with_other_arguments_is_seen_and_not_touched() {
    let Some(broker) = broker() else { return };
    let amqp = std::env::var("TEST_AMQP_URL").unwrap();
    let connection = lapin::Connection::connect(&amqp, lapin::ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = lapin::options::QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(
            broker.queue.as_str().into(),
            options,
            lapin::types::FieldTable::default(),
        )
        .await
        .unwrap();
    eventually(&broker, |sight| {
        matches!(sight, QueueSight::Different { .. })
    })
    .await;
    assert!(matches!(
        broker.queues.declare(&broker.queue).await,
        Err(PortError::Conflict(_))
    ));
    eventually(&broker, |sight| {
        matches!(sight, QueueSight::Different { .. })
    })
    .await;
    channel
        .queue_delete(
            broker.queue.as_str().into(),
            lapin::options::QueueDeleteOptions::default(),
        )
        .await
        .unwrap();
}

/// FAULTS 30 and 31.
#[tokio::test]
async fn a_collection_is_made_once_seen_by_its_shape_and_never_replaced() {
    let (Ok(url), Ok(key)) = (
        std::env::var("TEST_QDRANT_URL"),
        std::env::var("TEST_QDRANT_API_KEY"),
    ) else {
        eprintln!("skipped: TEST_QDRANT_URL and TEST_QDRANT_API_KEY name no server");
        return;
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = VectorStore::connect(&url, Credential::from(key.as_str()));
    let vectors: &dyn VectorPort = &store;
    let name = format!("posts_test_maya_{}", Uuid::new_v4().simple());
    let wanted = |dimensions| WantedCollection {
        name: name.clone(),
        dimensions,
        distance: "Cosine".into(),
    };
    assert_eq!(
        vectors.collection(&wanted(4)).await.unwrap(),
        CollectionSight::Absent
    );
    for _ in 0..2 {
        vectors.create(&wanted(4)).await.unwrap();
        assert_eq!(
            vectors.collection(&wanted(4)).await.unwrap(),
            CollectionSight::Standing { points: 0 }
        );
    }
    assert!(matches!(
        vectors.collection(&wanted(5)).await.unwrap(),
        CollectionSight::Different { .. }
    ));
    assert!(matches!(
        vectors.create(&wanted(5)).await,
        Err(PortError::Conflict(_))
    ));
    for _ in 0..2 {
        vectors.delete(&name).await.unwrap();
    }
    assert_eq!(
        vectors.collection(&wanted(4)).await.unwrap(),
        CollectionSight::Absent
    );
}
