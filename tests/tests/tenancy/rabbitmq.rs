//! Every queue of the broker but the thief's own.

use crate::{
    Scene,
    stolen::{Stolen, env},
};
use backends::{
    credential::Credential,
    rabbitmq::{BrokerAddress, Management, Topology},
};
use lapin::{
    BasicProperties, Connection, ConnectionProperties, ErrorKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
        QueuePurgeOptions,
    },
    types::FieldTable,
};
use secrecy::SecretString;

/// AMQP's code of a missing right, ACCESS_REFUSED.
const REFUSED: u16 = 403;

#[derive(Debug, Clone, Copy)]
enum Attempt {
    Get,
    Consume,
    Publish(&'static str),
    Purge,
    Bind,
    Delete,
}

pub async fn try_everything(scene: &Scene, stolen: &Stolen) {
    let address = BrokerAddress::new(Credential::from(env("TEST_AMQP_URL").as_str()), "e2e");
    let operator = Topology::new(address.clone());
    let vhost = address.vhost().unwrap();
    let management = |url: &str| Management::new(&SecretString::from(url.to_owned()), &vhost);
    let listed = management(&env("TEST_RABBITMQ_MANAGEMENT_URL")).unwrap();
    let queues = listed.list_queues().await.unwrap();
    let is_of =
        |name: &str, namespace: &str| name.starts_with(&format!("content.generation.{namespace}."));
    let (own, foreign): (Vec<_>, Vec<_>) = queues
        .into_iter()
        .map(|queue| queue.name)
        .partition(|name| is_of(name, &scene.thief));
    let victims: Vec<_> = foreign
        .iter()
        .filter(|name| is_of(name, &scene.victim))
        .collect();
    assert_eq!(victims.len(), 4, "two queues and their dead-letter queues");

    let connection = Connection::connect(&stolen.amqp_url, ConnectionProperties::default())
        .await
        .unwrap();
    let work_queue = own.iter().find(|name| !name.ends_with(".dead")).unwrap();
    attempt(&connection, Attempt::Get, work_queue)
        .await
        .expect("the thief's own queue is read, so that a refusal means something");
    for queue in &foreign {
        let before = operator.depth(queue).await.unwrap();
        for kind in [
            Attempt::Get,
            Attempt::Consume,
            Attempt::Publish(""),
            Attempt::Publish("tasks"),
            Attempt::Purge,
            Attempt::Bind,
            Attempt::Delete,
        ] {
            assert_refused(attempt(&connection, kind, queue).await, kind, queue);
        }
        let after = operator.depth(queue).await.unwrap();
        if victims.contains(&queue) {
            assert_eq!(after, before, "{queue}");
        }
    }
    assert_refused(declare(&connection).await, "declare", "loot");
    assert_refused(drop_exchange(&connection).await, "delete exchange", "tasks");
    let stranger = management(&stolen.management_url).unwrap();
    assert!(stranger.list_queues().await.is_err(), "no management");
    connection.close(200, "done".into()).await.unwrap();
}

/// Each attempt has a channel of its own: a refusal closes it.
async fn attempt(connection: &Connection, kind: Attempt, queue: &str) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    match kind {
        Attempt::Get => {
            let got = channel
                .basic_get(queue.into(), BasicGetOptions::default())
                .await?;
            drop(got);
        }
        Attempt::Consume => {
            let consumer = channel
                .basic_consume(
                    queue.into(),
                    "thief".into(),
                    BasicConsumeOptions::default(),
                    FieldTable::default(),
                )
                .await?;
            drop(consumer);
        }
        Attempt::Publish(exchange) => {
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            channel
                .basic_publish(
                    exchange.into(),
                    queue.into(),
                    BasicPublishOptions::default(),
                    b"{}",
                    BasicProperties::default(),
                )
                .await?
                .await?;
        }
        Attempt::Purge => {
            channel
                .queue_purge(queue.into(), QueuePurgeOptions::default())
                .await?;
        }
        Attempt::Bind => {
            channel
                .queue_bind(
                    queue.into(),
                    "amq.topic".into(),
                    "#".into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
        }
        Attempt::Delete => {
            channel
                .queue_delete(queue.into(), QueueDeleteOptions::default())
                .await?;
        }
    }
    // A channel left open would keep what was got.
    channel.close(200, "done".into()).await
}

async fn declare(connection: &Connection) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions::default();
    channel
        .queue_declare("loot".into(), options, FieldTable::default())
        .await
        .map(drop)
}

async fn drop_exchange(connection: &Connection) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel
        .exchange_delete("tasks".into(), ExchangeDeleteOptions::default())
        .await
}

fn assert_refused(answer: lapin::Result<()>, what: impl std::fmt::Debug, name: &str) {
    let error = answer.expect_err(&format!("{what:?} on {name} was allowed"));
    let is_refusal = match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_id() == REFUSED,
        _ => false,
    };
    assert!(is_refusal, "{what:?} on {name}: {error:?}");
}
