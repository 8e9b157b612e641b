//! The relay: outbox rows become messages on the persona's queue, confirmed, before they are marked as sent.

mod message;

pub use message::outgoing;

use super::{back_off, rest};
use crate::{context::Context, metrics::RelayMetrics};
use backends::{
    postgres::{
        StoreError,
        operator::{
            OperatorStore,
            outbox::{Refused, UnsentMessage, Wakes},
        },
    },
    rabbitmq::{PublishError, Publisher},
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Span;

/// Messages in flight at once. Ten thousand a second at a broker that takes twenty milliseconds for a confirm want more than
/// two hundred; what is not confirmed when a process ends is sent again.
pub const BATCH: i64 = 2000;
/// Where nobody tells that rows wait, they are looked for this often.
const POLL: Duration = Duration::from_secs(10);

/// What became of one batch, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relayed {
    pub sent: usize,
    /// Refused by the broker, message by message; each is tried again after a wait.
    pub refused: usize,
    /// Not confirmed, because the broker does not answer or takes nothing: they stay as they are.
    pub deferred: usize,
    /// Personas, as namespace and name, whose queue is missing (FAULTS 16).
    pub unroutable: BTreeSet<(String, String)>,
    /// Why messages were deferred.
    pub trouble: Option<String>,
}

impl Relayed {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent + self.refused + self.deferred == 0
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.refused += other.refused;
        self.deferred += other.deferred;
        self.unroutable.extend(other.unroutable.iter().cloned());
        self.trouble = self.trouble.take().or_else(|| other.trouble.clone());
    }
}

/// What the broker said of one batch.
#[derive(Debug, Default)]
struct Settled {
    relayed: Relayed,
    sent: Vec<i64>,
    refused: Vec<Refused>,
}

/// Sends the oldest unsent messages, `limit` at a time, until none is left or the broker does not answer. While one batch is on its
/// way, the verdicts of the one before are noted, in one statement, and the next one is read. `told` hears of each batch that was
/// noted, and says whether to go on.
///
/// A crash sends those again, under the same message ids, whose verdicts were not noted (FAULTS 15): two batches at most.
///
/// # Errors
/// Postgres does not answer, or a newer leader writes.
pub async fn relay_waiting(
    store: &OperatorStore,
    publisher: &Publisher,
    limit: i64,
    mut told: impl FnMut(&Relayed) -> bool,
) -> Result<Relayed, StoreError> {
    let (mut all, mut last) = (Relayed::default(), Settled::default());
    let mut messages = store.unsent_messages(limit, &[]).await?;
    while !messages.is_empty() {
        let under_way: Vec<i64> = messages.iter().map(|message| message.id).collect();
        let spans: Vec<Span> = messages.iter().map(message::span).collect();
        let batch = (messages.iter().zip(&spans))
            .map(|(message, span)| message::traced(message, span))
            .collect();
        let meanwhile = async {
            let goes_on = last.note(store, &mut told).await?;
            Ok::<_, StoreError>((goes_on, store.unsent_messages(limit, &under_way).await?))
        };
        let (verdicts, noted) = tokio::join!(publisher.publish_batch(batch), meanwhile);
        end(spans, &verdicts);
        last = judge(&messages, verdicts);
        all.add(&last.relayed);
        let (goes_on, next) = noted?;
        if !goes_on || all.trouble.is_some() {
            break;
        }
        messages = next;
    }
    last.note(store, &mut told).await?;
    Ok(all)
}

impl Settled {
    /// Notes what was decided, then tells of it. Answers whether to go on.
    async fn note(
        &self,
        store: &OperatorStore,
        told: &mut impl FnMut(&Relayed) -> bool,
    ) -> Result<bool, StoreError> {
        if !self.sent.is_empty() || !self.refused.is_empty() {
            store.settle_messages(&self.sent, &self.refused).await?;
        }
        Ok(self.relayed.is_empty() || told(&self.relayed))
    }
}

/// Ends the spans of a batch with what the broker said.
fn end(spans: Vec<Span>, verdicts: &[Result<(), PublishError>]) {
    for (span, verdict) in spans.iter().zip(verdicts) {
        if let Err(error) = verdict {
            telemetry::fail(span, format!("{:?}", error.class()));
        }
    }
}

fn judge(messages: &[UnsentMessage], verdicts: Vec<Result<(), PublishError>>) -> Settled {
    let (mut relayed, mut sent, mut refused) = (Relayed::default(), Vec::new(), Vec::new());
    for (message, verdict) in messages.iter().zip(verdicts) {
        match verdict {
            Ok(()) => sent.push(message.id),
            Err(error @ (PublishError::Unroutable(_) | PublishError::Nacked)) => {
                refused.push(refuse(message, &error, &mut relayed));
            }
            Err(error @ (PublishError::Blocked | PublishError::Unconfirmed(_))) => {
                relayed.deferred += 1;
                relayed.trouble.get_or_insert_with(|| error.to_string());
            }
        }
    }
    relayed.sent = sent.len();
    relayed.refused = refused.len();
    Settled {
        relayed,
        sent,
        refused,
    }
}

fn refuse(message: &UnsentMessage, error: &PublishError, relayed: &mut Relayed) -> Refused {
    if let (PublishError::Unroutable(_), Wakes::Persona { name, .. }) = (error, &message.wakes) {
        relayed
            .unroutable
            .insert((message.namespace.clone(), name.clone()));
    }
    Refused {
        id: message.id,
        error: error.to_string(),
    }
}

/// Relays until the process drains. Where Postgres or the broker does not answer it waits, ever longer up to fifteen seconds.
pub async fn run(ctx: Arc<Context>) {
    let mut failures = 0;
    loop {
        let mut began = Instant::now();
        let told = |relayed: &Relayed| {
            note(&ctx.process.metrics.relay, relayed, began.elapsed());
            tell(&ctx, relayed);
            began = Instant::now();
            !ctx.process.signals.stop.is_cancelled()
        };
        let outcome = relay_waiting(&ctx.store, &ctx.broker.publisher, BATCH, told).await;
        let goes_on = match outcome {
            Ok(relayed) if relayed.trouble.is_none() => {
                failures = 0;
                if relayed.sent > 0 {
                    !ctx.process.signals.stop.is_cancelled()
                } else {
                    idle(&ctx).await
                }
            }
            Ok(relayed) => {
                failures += 1;
                tracing::warn!(
                    trouble = relayed.trouble,
                    waiting = relayed.deferred,
                    "messages wait in the outbox"
                );
                back_off(&ctx, failures).await
            }
            Err(error) => {
                failures += 1;
                super::note_store_failure(&ctx, "relay", &error);
                back_off(&ctx, failures).await
            }
        };
        if !goes_on {
            ctx.broker.publisher.close().await;
            return;
        }
    }
}

/// Waits for new rows, or for the time at which a refused one may be tried again.
async fn idle(ctx: &Context) -> bool {
    let next = ctx.store.next_refused_seconds().await.ok().flatten();
    let wait = next.map_or(POLL, |seconds| {
        Duration::from_secs_f64(seconds.clamp(0.5, POLL.as_secs_f64()))
    });
    rest(ctx, &ctx.process.signals.wakes.outbox, wait).await
}

/// A persona whose queue is missing mends it; the jobs' conditions tell which messages are out.
fn tell(ctx: &Context, relayed: &Relayed) {
    let signals = &ctx.process.signals;
    for (namespace, persona) in &relayed.unroutable {
        signals.triggers.personas.reconcile(namespace, persona);
    }
    if relayed.sent + relayed.refused > 0 {
        signals.wakes.progress.notify_one();
    }
}

fn note(metrics: &RelayMetrics, relayed: &Relayed, took: Duration) {
    if relayed.is_empty() {
        return;
    }
    metrics.batch_seconds.observe(took.as_secs_f64());
    for (result, count) in [
        ("sent", relayed.sent),
        ("refused", relayed.refused),
        ("deferred", relayed.deferred),
    ] {
        metrics
            .messages
            .with_label_values(&[result])
            .inc_by(count as u64);
    }
}
