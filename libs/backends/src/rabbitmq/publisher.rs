//! The relay's side: many messages in flight, each with its own verdict.

use super::{
    BrokerAddress, BrokerError, PublishError,
    connect::{CALL_TIMEOUT, Link, bounded},
};
use domain::messages::{EVENTS_EXCHANGE, TASKS_EXCHANGE};
use futures::future::join_all;
use lapin::{
    BasicProperties, Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

/// AMQP delivery mode of messages that survive the broker.
const PERSISTENT: u8 = 2;

/// The header of W3C Trace Context.
pub(super) const TRACEPARENT: &str = "traceparent";

/// How often to look whether the broker has stopped taking messages.
const BLOCKED_RECHECK: Duration = Duration::from_millis(50);

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// Work: a message that no queue takes is an error.
    Tasks,
    /// What happened: sent on confirm, whether or not anybody listens.
    Events,
}

impl Exchange {
    fn name(self) -> &'static str {
        match self {
            Self::Tasks => TASKS_EXCHANGE,
            Self::Events => EVENTS_EXCHANGE,
        }
    }

    fn mandatory(self) -> bool {
        self == Self::Tasks
    }
}

/// One message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub exchange: Exchange,
    pub routing_key: String,
    pub message_id: Uuid,
    /// JSON, as `domain::messages` writes it.
    pub body: Vec<u8>,
    /// The header `traceparent` of W3C Trace Context.
    pub traceparent: Option<String>,
}

impl Outgoing {
    /// A message on the exchange `tasks`.
    #[must_use]
    pub fn task(routing_key: String, message_id: Uuid, body: Vec<u8>) -> Self {
        Self {
            exchange: Exchange::Tasks,
            routing_key,
            message_id,
            body,
            traceparent: None,
        }
    }
}

/// Publishes persistent messages with confirms over a connection of its own; reconnects by itself.
#[derive(Debug)]
pub struct Publisher {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    link: Link,
    channel: Option<Channel>,
}

/// A message that is on its way, or why it is not.
type Started = Result<(String, PublisherConfirm), PublishError>;

impl Publisher {
    /// Connects at the first batch.
    #[must_use]
    pub fn new(address: BrokerAddress) -> Self {
        Self {
            state: Mutex::new(State {
                link: Link::new(address),
                channel: None,
            }),
        }
    }

    /// Publishes all messages before it waits for the first confirm, and answers one verdict a message, in their order.
    ///
    /// Only `Ok` means that the message is on its queue. Anything else may be repeated: the message id stays the same
    /// (FAULTS 15). The whole batch is bounded by ten seconds.
    pub async fn publish_batch(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let mut state = self.state.lock().await;
        let channel = match state.channel().await {
            Ok(channel) => channel,
            Err(error) => return refuse_all(batch.len(), &PublishError::Unconfirmed(error)),
        };
        if state.link.blocked() {
            // The connection stays: the broker unblocks it when it has room again.
            return refuse_all(batch.len(), &PublishError::Blocked);
        }
        let started = start_all(&channel, batch, deadline).await;
        let verdicts = settle_all(started, deadline, &state.link).await;
        match worst(&verdicts) {
            Worst::Settled => {}
            // Blocked for as long as the alarm lasts: another connection would only be blocked as well. The messages that it
            // holds back are published when the alarm ends, beside their repetition, under the same id.
            Worst::Blocked => state.channel = None,
            // A confirm that comes later must not be taken for that of another message.
            Worst::Unconfirmed => state.reset(),
        }
        verdicts
    }

    /// Opens the connection and the channel if they are not open.
    ///
    /// # Errors
    /// [`BrokerError`]
    pub async fn check(&self) -> Result<(), BrokerError> {
        self.state.lock().await.channel().await.map(drop)
    }

    /// Closes the connection; the next batch opens another.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.channel = None;
        state.link.close().await;
    }
}

impl State {
    async fn channel(&mut self) -> Result<Channel, BrokerError> {
        if let Some(channel) = self.channel.as_ref().filter(|c| c.status().connected()) {
            return Ok(channel.clone());
        }
        self.channel = None;
        let channel = self.link.channel().await?;
        let selecting = channel.confirm_select(ConfirmSelectOptions::default());
        bounded("asking for confirms", selecting).await?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }

    fn reset(&mut self) {
        self.channel = None;
        self.link.drop_connection();
    }
}

/// All at once: each future resolves when its frames were written to the socket, and those that wait together are written together.
/// They are polled in their order the first time, which is the order in which they go out.
async fn start_all(channel: &Channel, batch: Vec<Outgoing>, deadline: Instant) -> Vec<Started> {
    let starting = batch
        .into_iter()
        .map(|message| start(channel, message, deadline));
    join_all(starting).await
}

async fn start(channel: &Channel, message: Outgoing, deadline: Instant) -> Started {
    let options = BasicPublishOptions {
        mandatory: message.exchange.mandatory(),
        immediate: false,
    };
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message.message_id.to_string().into());
    if let Some(traceparent) = message.traceparent {
        let mut headers = FieldTable::default();
        headers.insert(
            TRACEPARENT.into(),
            AMQPValue::LongString(traceparent.into()),
        );
        properties = properties.with_headers(headers);
    }
    let publishing = channel.basic_publish(
        message.exchange.name().into(),
        message.routing_key.as_str().into(),
        options,
        &message.body,
        properties,
    );
    match timeout_at(deadline, publishing).await {
        Ok(Ok(confirm)) => Ok((message.routing_key, confirm)),
        Ok(Err(error)) => Err(PublishError::Unconfirmed(error.into())),
        Err(_) => Err(PublishError::Unconfirmed(BrokerError::timed_out(
            "publishing",
        ))),
    }
}

/// Waits for the confirms in their order, and gives up the rest when the broker says that it takes nothing.
async fn settle_all(
    started: Vec<Started>,
    deadline: Instant,
    link: &Link,
) -> Vec<Result<(), PublishError>> {
    let count = started.len();
    let mut verdicts = Vec::with_capacity(count);
    let settling = async {
        for started in started {
            verdicts.push(settle(started, deadline).await);
        }
    };
    tokio::select! {
        biased;
        () = settling => {}
        () = becomes_blocked(link) => {}
    }
    verdicts.resize_with(count, || Err(PublishError::Blocked));
    verdicts
}

async fn becomes_blocked(link: &Link) {
    // lapin tells of it on a stream that each listener would have to drain; a look at the flag costs nothing.
    while !link.blocked() {
        tokio::time::sleep(BLOCKED_RECHECK).await;
    }
}

enum Worst {
    Settled,
    Blocked,
    Unconfirmed,
}

fn worst(verdicts: &[Result<(), PublishError>]) -> Worst {
    let any = |wanted: fn(&PublishError) -> bool| {
        verdicts
            .iter()
            .any(|verdict| verdict.as_ref().is_err_and(wanted))
    };
    if any(|error| matches!(error, PublishError::Unconfirmed(_))) {
        Worst::Unconfirmed
    } else if any(|error| matches!(error, PublishError::Blocked)) {
        Worst::Blocked
    } else {
        Worst::Settled
    }
}

async fn settle(started: Started, deadline: Instant) -> Result<(), PublishError> {
    let (routing_key, confirm) = started?;
    match timeout_at(deadline, confirm).await {
        // The broker confirms what it could not route as well, after it has returned it.
        Ok(Ok(Confirmation::Ack(None))) => Ok(()),
        Ok(Ok(Confirmation::Ack(Some(_)))) => Err(PublishError::Unroutable(routing_key)),
        Ok(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => Err(PublishError::Nacked),
        Ok(Err(error)) => Err(PublishError::Unconfirmed(error.into())),
        Err(_) => Err(PublishError::Unconfirmed(BrokerError::timed_out(
            "waiting for a confirm",
        ))),
    }
}

fn refuse_all(count: usize, error: &PublishError) -> Vec<Result<(), PublishError>> {
    (0..count).map(|_| Err(error.clone())).collect()
}
