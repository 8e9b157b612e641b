//! The operator's side: exchanges, queues and bindings, declared over AMQP.
//!
//! A queue has `x-queue-type` as its only argument; everything else is a policy ([`super::Management::ensure_policy`]), so that
//! a changed limit is no conflict.

use super::{
    BrokerAddress, BrokerError,
    connect::{Link, bounded},
};
use domain::{
    messages::{DEAD_LETTER_EXCHANGE, EVENTS_EXCHANGE, TASKS_EXCHANGE},
    names::dead_letter_queue,
};
use lapin::{
    Channel, ExchangeKind, Queue,
    options::{
        ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
        QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::sync::Mutex;

/// What a queue holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait for a consumer; those being worked on are not counted.
    pub ready: u32,
    pub consumers: u32,
}

/// What became of a queue that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Deleted,
    /// There was none.
    Absent,
    /// Kept, because it has messages or consumers (FAULTS 18).
    Kept(QueueDepth),
}

/// Declares on a connection of its own, which never publishes.
#[derive(Debug)]
pub struct Topology {
    link: Mutex<Link>,
}

impl Topology {
    /// Connects at the first call, and again whenever the connection broke.
    #[must_use]
    pub fn new(address: BrokerAddress) -> Self {
        Self {
            link: Mutex::new(Link::new(address)),
        }
    }

    /// Declares the exchanges `tasks` (direct), `events` (fanout) and `tasks.dead` (direct), all durable.
    ///
    /// # Errors
    /// [`BrokerError::Conflict`] where one exists with another type.
    pub async fn ensure_exchanges(&self) -> Result<(), BrokerError> {
        let channel = self.channel().await?;
        for (name, kind) in [
            (TASKS_EXCHANGE, ExchangeKind::Direct),
            (EVENTS_EXCHANGE, ExchangeKind::Fanout),
            (DEAD_LETTER_EXCHANGE, ExchangeKind::Direct),
        ] {
            let options = ExchangeDeclareOptions {
                durable: true,
                ..Default::default()
            };
            let declaring =
                channel.exchange_declare(name.into(), kind, options, FieldTable::default());
            bounded("declaring an exchange", declaring).await?;
        }
        Ok(())
    }

    /// Declares a work queue and its dead-letter queue, both quorum queues, and binds them: the work queue to `tasks`, its
    /// dead-letter queue to `tasks.dead`, each under the work queue's name, which dead letters keep as their routing key.
    ///
    /// # Errors
    /// [`BrokerError::Conflict`] where a queue exists with other arguments; it is left as it is (FAULTS 18).
    pub async fn ensure_work_queue(&self, queue: &str) -> Result<(), BrokerError> {
        let channel = self.channel().await?;
        let dead = dead_letter_queue(queue);
        for name in [queue, &dead] {
            let declaring =
                channel.queue_declare(name.into(), QueueDeclareOptions::durable(), quorum());
            bounded("declaring a queue", declaring).await?;
        }
        for (name, exchange) in [
            (queue, TASKS_EXCHANGE),
            (dead.as_str(), DEAD_LETTER_EXCHANGE),
        ] {
            let binding = channel.queue_bind(
                name.into(),
                exchange.into(),
                queue.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            bounded("binding a queue", binding).await?;
        }
        Ok(())
    }

    /// Messages and consumers of a queue as they are now; none where there is no such queue. Bulk reads are
    /// [`super::Management::list_queues`], which is some seconds old.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn depth(&self, queue: &str) -> Result<Option<QueueDepth>, BrokerError> {
        inspect(&self.channel().await?, queue).await
    }

    /// Deletes a queue that has neither messages nor consumers.
    ///
    /// Quorum queues know no `if-empty`, so somebody who publishes between the look and the deletion loses that message: the
    /// caller cancels the tasks first, and the rows are the truth.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn delete_if_idle(&self, queue: &str) -> Result<Deleted, BrokerError> {
        let channel = self.channel().await?;
        let Some(depth) = inspect(&channel, queue).await? else {
            return Ok(Deleted::Absent);
        };
        if depth.ready > 0 || depth.consumers > 0 {
            return Ok(Deleted::Kept(depth));
        }
        let deleting = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        bounded("deleting a queue", deleting).await?;
        Ok(Deleted::Deleted)
    }

    /// Drops the messages that wait in a queue and answers how many; 0 where there is no such queue.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn purge(&self, queue: &str) -> Result<u32, BrokerError> {
        let channel = self.channel().await?;
        let purging = channel.queue_purge(queue.into(), QueuePurgeOptions::default());
        match bounded("purging a queue", purging).await {
            Err(BrokerError::Missing(_)) => Ok(0),
            purged => purged,
        }
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.link.lock().await.close().await;
    }

    /// A channel for one operation: an error of the broker closes it.
    async fn channel(&self) -> Result<Channel, BrokerError> {
        self.link.lock().await.channel().await
    }
}

async fn inspect(channel: &Channel, queue: &str) -> Result<Option<QueueDepth>, BrokerError> {
    let options = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let declaring = channel.queue_declare(queue.into(), options, FieldTable::default());
    match bounded("inspecting a queue", declaring).await {
        Ok(queue) => Ok(Some(depth(&queue))),
        Err(BrokerError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn depth(queue: &Queue) -> QueueDepth {
    QueueDepth {
        ready: queue.message_count(),
        consumers: queue.consumer_count(),
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    arguments
}
