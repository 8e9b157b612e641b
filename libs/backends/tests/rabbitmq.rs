//! The broker's modules against a real RabbitMQ. Needs `TEST_AMQP_URL` and `TEST_RABBITMQ_MANAGEMENT_URL`; without them every
//! test says so and passes.
#![allow(clippy::unwrap_used)]

#[path = "support/broker.rs"]
mod broker;

use backends::{
    class::FailureClass,
    credential::Credential,
    rabbitmq::{
        Binding, BrokerAddress, BrokerError, Deleted, Exchange, Management, Outgoing, PublishError,
        Publisher, QueueConsumer, Topology,
    },
};
use broker::{PATIENCE, World, id_of, next};
use domain::names::dead_letter_queue;
use secrecy::SecretString;
use std::{collections::HashSet, time::Duration};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

#[tokio::test]
async fn declaring_twice_leaves_one_queue_with_its_bindings_and_policy() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    world.topology.ensure_exchanges().await.unwrap();
    world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap();
    assert!(
        !world.management.ensure_policy().await.unwrap(),
        "the policy changed without need"
    );

    let dead = dead_letter_queue(&world.queue);
    let bindings: HashSet<_> = world
        .management
        .list_bindings()
        .await
        .unwrap()
        .into_iter()
        .collect();
    let bound = |exchange: &str, queue: &str| {
        bindings.contains(&Binding {
            exchange: exchange.into(),
            queue: queue.into(),
            routing_key: world.queue.clone(),
        })
    };
    assert!(bound("tasks", &world.queue) && bound("tasks.dead", &dead));
    let exchanges = world.management.list_exchanges().await.unwrap();
    for exchange in ["tasks", "events", "tasks.dead"] {
        assert!(
            exchanges.iter().any(|name| name == exchange),
            "{exchange} is missing"
        );
    }

    let queues = world.management.list_queues().await.unwrap();
    let find = |name: &str| queues.iter().find(|queue| queue.name == name).unwrap();
    for queue in [find(&world.queue), find(&dead)] {
        assert_eq!(queue.kind, "quorum");
        assert_eq!(queue.arguments, ["x-queue-type"]);
    }
    assert_eq!(
        find(&dead).policy,
        None,
        "a dead-letter queue has nowhere to dead-letter to"
    );
    let deadline = Instant::now() + PATIENCE;
    loop {
        let queues = world.management.list_queues().await.unwrap();
        let queue = queues
            .iter()
            .find(|queue| queue.name == world.queue)
            .unwrap();
        if queue.policy.as_deref() == Some("threads-work-queues") {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "the policy does not reach the queue: {queue:?}"
        );
        sleep(Duration::from_millis(100)).await;
    }
    world.remove().await;
}

/// FAULTS 18: what exists differently is reported and left as it is.
#[tokio::test]
async fn a_queue_with_other_arguments_is_a_conflict_and_stays() {
    let Some(world) = World::create().await else {
        return;
    };
    let connection = lapin::Connection::connect(&world.amqp_url, Default::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let durable = lapin::options::QueueDeclareOptions::durable();
    channel
        .queue_declare(world.queue.as_str().into(), durable, Default::default())
        .await
        .unwrap();

    let error = world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap_err();
    assert!(matches!(error, BrokerError::Conflict(_)), "{error:?}");
    assert_eq!(error.class(), FailureClass::Conflict);
    let queues = world.management.list_queues().await.unwrap();
    let left = queues
        .iter()
        .find(|queue| queue.name == world.queue)
        .unwrap();
    assert_eq!(left.kind, "classic");
    world.remove().await;
}

#[tokio::test]
async fn a_batch_is_on_its_queue_in_order_and_survives_the_publisher() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let ids = world.publish(500).await;
    assert_eq!(world.ready(&world.queue).await, 500);

    let mut consumer = world.consumer(&world.queue, 50);
    for id in &ids {
        let delivery = next(&mut consumer).await;
        assert_eq!(id_of(&delivery), *id);
        assert_eq!(delivery.body(), b"{}");
        delivery.ack().await.unwrap();
    }
    consumer.stop().await;
    world.holds(&world.queue, 0).await;
    world.remove().await;
}

/// FAULTS 16: a message without a queue is named, and its neighbours in the batch arrive.
#[tokio::test]
async fn only_the_unroutable_message_of_a_batch_is_refused() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let nowhere = format!("content.generation.test.nobody-{}", Uuid::new_v4().simple());
    let lost = Outgoing::task(nowhere.clone(), Uuid::new_v4(), b"{}".to_vec());
    let publisher = world.publisher();
    let verdicts = publisher
        .publish_batch(vec![world.task(), lost, world.task()])
        .await;
    assert!(
        matches!(verdicts.as_slice(), [Ok(()), Err(PublishError::Unroutable(key)), Ok(())] if *key == nowhere),
        "{verdicts:?}"
    );
    assert_eq!(world.ready(&world.queue).await, 2);

    let event = Outgoing {
        exchange: Exchange::Events,
        ..world.task()
    };
    let verdicts = publisher.publish_batch(vec![event]).await;
    assert!(
        verdicts[0].is_ok(),
        "an event that nobody listens to is no error: {verdicts:?}"
    );
    publisher.close().await;
    world.remove().await;
}

/// FAULTS 15: a connection that broke between two batches costs a verdict at most, never the publisher.
#[tokio::test]
async fn a_publisher_comes_back_after_its_connection_was_cut() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let name = format!("cut-{}", Uuid::new_v4().simple());
    let publisher = Publisher::new(world.address(&name));
    publisher.publish_batch(vec![world.task()]).await[0]
        .as_ref()
        .unwrap();
    world.cut(&name).await;

    let repeated = world.task();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = &publisher.publish_batch(vec![repeated.clone()]).await[0] {
        assert!(matches!(error, PublishError::Unconfirmed(_)), "{error:?}");
        assert_eq!(error.class(), FailureClass::Transient);
        assert!(
            Instant::now() < deadline,
            "the publisher does not come back: {error}"
        );
    }
    assert!(world.ready(&world.queue).await >= 2);
    publisher.close().await;
    world.remove().await;
}

#[tokio::test]
async fn what_was_not_settled_goes_back_when_the_consumer_stops() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let ids = world.publish(3).await;
    let mut consumer = world.consumer(&world.queue, 2);
    let first = next(&mut consumer).await;
    assert_eq!(id_of(&first), ids[0]);
    first.ack().await.unwrap();
    let held = next(&mut consumer).await;
    consumer.stop().await;
    world.holds(&world.queue, 2).await;
    assert!(
        held.ack().await.is_err(),
        "an acknowledgement after the end is no success"
    );

    let mut second = world.consumer(&world.queue, 2);
    // Both were with the first consumer; the broker promises no order of what comes back.
    let mut again = HashSet::new();
    for _ in 0..2 {
        let delivery = next(&mut second).await;
        assert!(delivery.redelivered());
        again.insert(id_of(&delivery));
        delivery.ack().await.unwrap();
    }
    assert_eq!(again, HashSet::from([ids[1], ids[2]]));
    second.stop().await;
    world.remove().await;
}

/// FAULTS 17: the consumer outlives its connection, and waits for a queue that is not there yet.
#[tokio::test]
async fn a_consumer_waits_for_its_queue_and_comes_back_after_a_cut() {
    let Some(world) = World::create().await else {
        return;
    };
    let name = format!("cut-{}", Uuid::new_v4().simple());
    let mut consumer = QueueConsumer::start(world.address(&name), world.queue.clone(), 1);
    let nothing = timeout(Duration::from_millis(300), consumer.next()).await;
    assert!(nothing.is_err(), "a missing queue ends no consumer");
    world
        .topology
        .ensure_work_queue(&world.queue)
        .await
        .unwrap();
    world.publish(1).await;
    next(&mut consumer).await.ack().await.unwrap();

    world.cut(&name).await;
    let ids = world.publish(1).await;
    loop {
        let delivery = next(&mut consumer).await;
        let found = id_of(&delivery) == ids[0];
        // A delivery of the connection that was cut cannot be settled any more, and comes again.
        if delivery.ack().await.is_ok() && found {
            break;
        }
    }
    consumer.stop().await;
    world.holds(&world.queue, 0).await;
    world.remove().await;
}

#[tokio::test]
async fn rejected_messages_and_those_given_back_too_often_are_dead_letters() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let dead = dead_letter_queue(&world.queue);
    let ids = world.publish(1).await;
    let mut consumer = world.consumer(&world.queue, 1);
    next(&mut consumer).await.reject(false).await.unwrap();
    world.holds(&dead, 1).await;

    world.publish(1).await;
    let mut given_back = 0;
    while let Ok(Some(delivery)) = timeout(Duration::from_secs(3), consumer.next()).await {
        delivery.reject(true).await.unwrap();
        given_back += 1;
        assert!(given_back <= 200, "no delivery limit ends the circle");
    }
    assert!(
        given_back >= 50,
        "{given_back} deliveries are fewer than the limit"
    );
    world.holds(&dead, 2).await;
    consumer.stop().await;

    let mut reader = world.consumer(&dead, 1);
    assert_eq!(
        id_of(&next(&mut reader).await),
        ids[0],
        "the dead letter keeps its identity"
    );
    reader.stop().await;
    world.remove().await;
}

/// FAULTS 18
#[tokio::test]
async fn deleting_keeps_a_queue_that_holds_messages() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    world.publish(2).await;
    let kept = world.topology.delete_if_idle(&world.queue).await.unwrap();
    assert!(
        matches!(kept, Deleted::Kept(depth) if depth.ready == 2),
        "{kept:?}"
    );
    assert_eq!(world.topology.purge(&world.queue).await.unwrap(), 2);
    assert_eq!(
        world.topology.delete_if_idle(&world.queue).await.unwrap(),
        Deleted::Deleted
    );
    assert_eq!(
        world.topology.delete_if_idle(&world.queue).await.unwrap(),
        Deleted::Absent
    );
    assert_eq!(world.topology.depth(&world.queue).await.unwrap(), None);
    assert_eq!(world.topology.purge(&world.queue).await.unwrap(), 0);
    world.remove().await;
}

#[tokio::test]
async fn a_workers_user_reads_its_own_queue_and_nothing_else() {
    let Some(world) = World::with_queue().await else {
        return;
    };
    let Some(other) = World::with_queue().await else {
        return;
    };
    world.publish(1).await;
    other.publish(1).await;
    let user = format!("threads_test_{}_a", Uuid::new_v4().simple());
    let password = SecretString::from("p@ss/word: 100%".to_owned());
    world
        .management
        .ensure_worker_user(&user, &password, &[&world.queue])
        .await
        .unwrap();
    let mut url: reqwest::Url = world.amqp_url.parse().unwrap();
    url.set_username(&user).unwrap();
    url.set_password(Some("p@ss/word: 100%")).unwrap();
    let address = || BrokerAddress::new(Credential::from(url.as_str()), "backends-test-worker");

    let mut own = QueueConsumer::start(address(), world.queue.clone(), 1);
    next(&mut own).await.ack().await.unwrap();
    own.stop().await;

    let dead = dead_letter_queue(&world.queue);
    for queue in [&other.queue, &dead] {
        let mut foreign = QueueConsumer::start(address(), queue.clone(), 1);
        let read = timeout(Duration::from_secs(1), foreign.next()).await;
        assert!(read.is_err(), "{user} reads {queue}");
        foreign.stop().await;
    }
    assert_eq!(other.ready(&other.queue).await, 1);

    let topology = Topology::new(address());
    let declared = topology
        .ensure_work_queue(&format!("{}x", world.queue))
        .await;
    assert!(
        matches!(declared, Err(BrokerError::Refused(_))),
        "{declared:?}"
    );
    assert!(matches!(
        topology.purge(&other.queue).await,
        Err(BrokerError::Refused(_))
    ));
    let deleted = topology.delete_if_idle(&world.queue).await;
    assert!(
        matches!(deleted, Err(BrokerError::Refused(_))),
        "{deleted:?}"
    );
    let sent = Publisher::new(address())
        .publish_batch(vec![world.task()])
        .await;
    assert!(sent[0].is_err(), "a worker publishes: {sent:?}");

    world.management.delete_user(&user).await.unwrap();
    world.management.delete_user(&user).await.unwrap();
    assert!(!world.management.list_users().await.unwrap().contains(&user));
    let refused = Topology::new(address()).depth(&world.queue).await;
    assert!(
        matches!(refused, Err(BrokerError::Refused(_))),
        "{refused:?}"
    );
    world.remove().await;
    other.remove().await;
}

#[tokio::test]
async fn a_broker_that_is_away_is_transient_and_a_wrong_password_is_not() {
    let Some(world) = World::create().await else {
        return;
    };
    let away = BrokerAddress::new(Credential::from("amqp://a:canary-pw@127.0.0.1:9/%2f"), "t");
    let error = Topology::new(away).ensure_exchanges().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error:?}");
    assert!(!format!("{error:?} {error}").contains("canary"));

    let mut url: reqwest::Url = world.amqp_url.parse().unwrap();
    url.set_password(Some("canary-pw")).unwrap();
    let wrong = BrokerAddress::new(Credential::from(url.as_str()), "t");
    let error = Topology::new(wrong).ensure_exchanges().await.unwrap_err();
    assert!(matches!(error, BrokerError::Refused(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("canary"));

    let mut url: reqwest::Url = world.management_url.parse().unwrap();
    url.set_password(Some("canary-pw")).unwrap();
    let wrong = Management::new(&SecretString::from(url.to_string()), "/").unwrap();
    let error = wrong.list_queues().await.unwrap_err();
    assert!(matches!(error, BrokerError::Refused(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}
