//! The worker's side: messages of one queue, for as long as it is wanted, across every failure of the broker.

use super::{
    BrokerAddress, BrokerError,
    connect::{Link, bounded},
    publisher::TRACEPARENT,
};
use futures::StreamExt;
use lapin::{
    Channel, Consumer, message,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
        BasicRejectOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rand::RngExt;
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// First and longest wait before the next connection; each is halved at random, so that workers do not return in step.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One message, not yet settled. Dropped unsettled, it comes again when the connection ends.
#[derive(Debug)]
pub struct Delivery {
    inner: message::Delivery,
}

impl Delivery {
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.inner.data
    }

    /// Identity that the publisher gave it.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.inner
            .properties
            .message_id()
            .as_ref()
            .map(|id| id.as_str())
    }

    /// The W3C Trace Context under which it was published.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let headers = self.inner.properties.headers().as_ref()?;
        match headers.inner().get(TRACEPARENT)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// It may have been seen before, by this consumer or another.
    #[must_use]
    pub fn redelivered(&self) -> bool {
        self.inner.redelivered
    }

    /// Takes the message off the queue. Fails where the connection is gone, and then the message comes again (FAULTS 20).
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]
    pub async fn ack(self) -> Result<(), BrokerError> {
        let acking = self.inner.acker.ack(BasicAckOptions::default());
        settled(bounded("acknowledging", acking).await?)
    }

    /// Puts the message back (`again`), which counts towards the delivery limit, or dead-letters it. `basic.reject`, because
    /// `basic.nack` is not counted from RabbitMQ 4.3 on.
    ///
    /// # Errors
    /// As [`Delivery::ack`]
    pub async fn reject(self, again: bool) -> Result<(), BrokerError> {
        let rejecting = self
            .inner
            .acker
            .reject(BasicRejectOptions { requeue: again });
        settled(bounded("rejecting", rejecting).await?)
    }
}

fn settled(sent: bool) -> Result<(), BrokerError> {
    if sent {
        Ok(())
    } else {
        Err(BrokerError::Unavailable(
            "the channel of the delivery is closed".to_owned(),
        ))
    }
}

/// Consumes one queue in a task of its own, over a connection of its own; reconnects with backoff until it is stopped.
#[derive(Debug)]
pub struct QueueConsumer {
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl QueueConsumer {
    /// Starts to consume with at most `prefetch` unsettled messages at a time. A queue that is not there yet is waited for.
    #[must_use]
    pub fn start(address: BrokerAddress, queue: String, prefetch: u16) -> Self {
        let (sender, deliveries) = mpsc::channel(usize::from(prefetch.max(1)));
        let stop = CancellationToken::new();
        let source = Source {
            link: Link::new(address),
            queue,
            prefetch: prefetch.max(1),
            sender,
            stop: stop.clone(),
        };
        Self {
            deliveries,
            stop,
            task: tokio::spawn(source.run()),
        }
    }

    /// The next message; none once stopped. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// A message that has arrived already, without waiting.
    pub fn try_next(&mut self) -> Option<Delivery> {
        self.deliveries.try_recv().ok()
    }

    /// Cancels the consumer and closes its connection; what was not settled goes back to the queue.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.deliveries.close();
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the consumer's task ended badly");
        }
    }
}

impl Drop for QueueConsumer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the task owns.
struct Source {
    link: Link,
    queue: String,
    prefetch: u16,
    sender: mpsc::Sender<Delivery>,
    stop: CancellationToken,
}

impl Source {
    async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                opened = self.open() => opened,
                () = stop.cancelled() => break,
            };
            match opened {
                Ok((channel, consumer)) => {
                    wait = FIRST_WAIT;
                    self.forward(&channel, consumer).await;
                }
                Err(error) => {
                    tracing::warn!(%error, queue = self.queue, "cannot consume; trying again")
                }
            }
            self.link.close().await;
            tokio::select! {
                () = tokio::time::sleep(jittered(wait)) => {}
                () = stop.cancelled() => break,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        self.link.close().await;
    }

    async fn open(&mut self) -> Result<(Channel, Consumer), BrokerError> {
        let channel = self.link.channel().await?;
        let limiting = channel.basic_qos(self.prefetch, BasicQosOptions::default());
        bounded("limiting the prefetch", limiting).await?;
        let consuming = channel.basic_consume(
            self.queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = bounded("beginning to consume", consuming).await?;
        Ok((channel, consumer))
    }

    /// Hands deliveries on until the consumer ends or nobody wants them any more.
    async fn forward(&self, channel: &Channel, mut consumer: Consumer) {
        loop {
            let delivery = tokio::select! {
                delivery = consumer.next() => delivery,
                () = self.stop.cancelled() => break,
            };
            match delivery {
                Some(Ok(inner)) => {
                    // Room for all prefetched messages is in the channel, so this waits for stale ones only.
                    tokio::select! {
                        sent = self.sender.send(Delivery { inner }) => if sent.is_err() { break },
                        () = self.stop.cancelled() => break,
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, queue = self.queue, "the consumer broke");
                    return;
                }
                None => {
                    // The queue was deleted, or its node left (FAULTS 17).
                    tracing::warn!(queue = self.queue, "the broker cancelled the consumer");
                    return;
                }
            }
        }
        let cancelling = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
        if let Err(error) = bounded("cancelling the consumer", cancelling).await {
            tracing::debug!(%error, "the consumer was not cancelled in order");
        }
    }
}

fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..=1.0))
}
