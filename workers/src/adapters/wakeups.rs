//! [`Wakeups`] over a RabbitMQ queue.

use crate::{cli::Settings, credentials::SecretDirectory, ports::Wakeups, trace};
use async_trait::async_trait;
use backends::rabbitmq::{BrokerAddress, Delivery, QueueConsumer};
use domain::messages::Message;
use futures::future::join_all;
use std::{path::PathBuf, time::Duration};
use tracing::{Instrument, Span};

/// Messages that this worker may hold unsettled. They are settled after each claim, so a few are enough to keep it going.
const PREFETCH: u16 = 8;
/// Bound on settling a handful of messages: a broker that hangs must not hold the work up. What is not settled comes again,
/// and wakes nobody in vain but for one claim (FAULTS 20).
const SETTLE_PATIENCE: Duration = Duration::from_secs(2);

/// A worker's queue.
#[derive(Debug)]
pub struct Queue {
    consumer: QueueConsumer,
    queue: String,
    noticed: Vec<(Delivery, Span)>,
}

impl Queue {
    /// Starts to consume in the background; a broker that is down is waited for without holding anything up.
    #[must_use]
    pub fn start(settings: &Settings, credentials: &SecretDirectory) -> Self {
        Self::open(
            &settings.pod_name,
            &settings.queue,
            settings.ca_bundle(),
            credentials,
        )
    }

    /// As [`Queue::start`], for any worker's queue.
    #[must_use]
    pub fn open(
        pod_name: &str,
        queue: &str,
        ca_bundle: Option<PathBuf>,
        credentials: &SecretDirectory,
    ) -> Self {
        let mut address = BrokerAddress::new(credentials.credential("amqp-url"), pod_name);
        address.ca_bundle = ca_bundle;
        Self {
            consumer: QueueConsumer::start(address, queue.to_owned(), PREFETCH),
            queue: queue.to_owned(),
            noticed: Vec::new(),
        }
    }

    fn notice(&mut self, delivery: Delivery) {
        let id = delivery.message_id().and_then(|id| id.parse().ok());
        let span = trace::receive(&self.queue, id, delivery.traceparent().as_deref());
        self.noticed.push((delivery, span));
    }

    /// Gives back what was not settled and closes the connection.
    pub async fn stop(self) {
        drop(self.noticed);
        self.consumer.stop().await;
    }
}

#[async_trait]
impl Wakeups for Queue {
    fn gather(&mut self) {
        while let Some(delivery) = self.consumer.try_next() {
            self.notice(delivery);
        }
    }

    async fn next(&mut self) {
        match self.consumer.next().await {
            Some(delivery) => self.notice(delivery),
            None => std::future::pending().await,
        }
    }

    async fn settle(&mut self) {
        let settling = join_all(
            (self.noticed.drain(..)).map(|(delivery, span)| settle(delivery).instrument(span)),
        );
        if tokio::time::timeout(SETTLE_PATIENCE, settling)
            .await
            .is_err()
        {
            tracing::warn!("the broker does not take acknowledgements");
        }
    }
}

/// A message has done its work by arriving, so it is acknowledged whatever became of its task. One that is none goes to the
/// dead-letter queue, where people can look at it (FAULTS 21).
async fn settle(delivery: Delivery) {
    let settled = match Message::from_json(delivery.body()) {
        Ok(_) => delivery.ack().await,
        Err(error) => {
            tracing::warn!(%error, "a message that is none of ours is dead-lettered");
            delivery.reject(false).await
        }
    };
    if let Err(error) = settled {
        tracing::debug!(%error, "a message was not settled and comes again");
    }
}
