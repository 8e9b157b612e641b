//! Finds what changed outside without anybody telling: one bulk read a backend about every half minute, never a read an
//! object, and nothing from the Kubernetes API. A persona is reconciled only where its picture changed.

use super::{gauges, jittered};
use crate::{
    context::Context,
    metrics::Metrics,
    persona::{
        adapters::{BrokerQueues, Listing},
        ports::QueueSight,
    },
};
use backends::postgres::operator::personas::PersonaPicture;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Between two reads at most; so drift is found within half a minute and mended within the minute.
const INTERVAL: Duration = Duration::from_secs(30);
/// Counters alone bring a reconcile at most this often.
const FIGURES_INTERVAL: Duration = Duration::from_secs(60);
/// What stays wrong is looked at again this often, in case a reconcile was lost.
const REMINDER: Duration = Duration::from_secs(300);

/// How a persona's queue or collection looked in the last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Look {
    Good,
    Bad,
    /// The backend did not answer.
    Unknown,
}

/// What decides about a reconcile at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Structure {
    queue: Look,
    dead_letters: Look,
    collection: Look,
    revision: Option<Uuid>,
    model_error: Option<String>,
    exhausted: bool,
    unroutable: bool,
}

impl Structure {
    fn is_sound(&self) -> bool {
        [self.queue, self.dead_letters, self.collection]
            .iter()
            .all(|look| *look == Look::Good)
    }
}

/// What may wait for a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Figures {
    ready: Option<u64>,
    dead: Option<u64>,
    tokens_today: i64,
    posts: i64,
    dead_lettered: i64,
    model_seen: bool,
}

#[derive(Debug, Clone)]
struct Remembered {
    namespace: String,
    name: String,
    structure: Structure,
    /// As the last reading had them.
    seen: Figures,
    /// As they were when a reconcile was last asked for.
    figures: Figures,
    told: Instant,
}

/// A persona to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub namespace: String,
    pub name: String,
}

/// The three bulk reads of one round; absent where a backend did not answer.
#[derive(Debug, Default)]
pub struct Reading {
    pub personas: Option<Vec<PersonaPicture>>,
    pub broker: Option<Listing>,
    pub collections: Option<HashSet<String>>,
}

/// Remembers every persona's last picture and tells which changed.
#[derive(Debug, Default)]
pub struct DriftReader {
    remembered: HashMap<Uuid, Remembered>,
    database_down: bool,
}

impl DriftReader {
    /// Personas that have to be reconciled after this reading.
    pub fn changed(&mut self, reading: &Reading, now: Instant) -> Vec<Changed> {
        let Some(personas) = &reading.personas else {
            // Told once: each persona says in its status that Postgres does not answer, and tries again by itself.
            let first = !std::mem::replace(&mut self.database_down, true);
            return if first {
                self.remembered.values().map(reference).collect()
            } else {
                Vec::new()
            };
        };
        self.database_down = false;
        let mut previous = std::mem::take(&mut self.remembered);
        let mut changed = Vec::new();
        for picture in personas {
            let old = previous.remove(&picture.uid);
            let mut new = remember(picture, reading, now);
            if is_due(old.as_ref(), &new, now) {
                changed.push(reference(&new));
            } else if let Some(old) = old {
                // Not told yet: what was told last is what the next reading is compared with.
                new.figures = old.figures;
                new.told = old.told;
            }
            self.remembered.insert(picture.uid, new);
        }
        // Rows that are gone: deleted by hand, or buried; a reconcile finds out which.
        changed.extend(previous.values().map(reference));
        changed
    }

    /// What the last reading showed, as figures. Of a backend that did not answer everything is unknown.
    fn show(&self, reading: &Reading, metrics: &Metrics) {
        metrics.note_backend("rabbitmq", reading.broker.is_some());
        metrics.note_backend("qdrant", reading.collections.is_some());
        let all = || self.remembered.values();
        let queues = all().flat_map(|it| [it.structure.queue, it.structure.dead_letters]);
        show_looks(metrics, "rabbitmq", &queues.collect::<Vec<_>>());
        let collections = all().map(|it| it.structure.collection);
        show_looks(metrics, "qdrant", &collections.collect::<Vec<_>>());
        if reading.broker.is_some() {
            let total = |count: fn(&Figures) -> Option<u64>| {
                let sum: u64 = all().filter_map(|it| count(&it.seen)).sum();
                i64::try_from(sum).unwrap_or(i64::MAX)
            };
            let ready = [
                ("work", total(|it| it.ready)),
                ("dead_letter", total(|it| it.dead)),
            ];
            gauges::set(&metrics.drift.queues, &ready);
        }
    }
}

fn show_looks(metrics: &Metrics, backend: &str, looks: &[Look]) {
    for (word, look) in [
        ("good", Look::Good),
        ("bad", Look::Bad),
        ("unknown", Look::Unknown),
    ] {
        let count = looks.iter().filter(|it| **it == look).count();
        let gauge = metrics.drift.looks.with_label_values(&[backend, word]);
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Reads and has reconciled what changed, until the process drains.
pub async fn run(ctx: Arc<Context>, queues: BrokerQueues) {
    let signals = &ctx.process.signals;
    let mut reader = DriftReader::default();
    loop {
        let reading = read(&ctx, &queues).await;
        let changed = reader.changed(&reading, Instant::now());
        reader.show(&reading, &ctx.process.metrics);
        for persona in changed {
            signals
                .triggers
                .personas
                .reconcile(&persona.namespace, &persona.name);
        }
        tokio::select! {
            () = signals.stop.cancelled() => return,
            () = tokio::time::sleep(jittered(INTERVAL)) => {}
        }
    }
}

async fn read(ctx: &Context, queues: &BrokerQueues) -> Reading {
    let broker = async {
        queues.ensure_shared().await?;
        queues.list().await
    };
    let (personas, broker, collections) = tokio::join!(
        ctx.store.persona_pictures(),
        broker,
        ctx.vectors.list_collections()
    );
    Reading {
        personas: logged("Postgres", personas),
        broker: logged("RabbitMQ", broker),
        collections: logged("Qdrant", collections).map(|names| names.into_iter().collect()),
    }
}

fn logged<T, E: std::fmt::Display>(backend: &str, read: Result<T, E>) -> Option<T> {
    read.inspect_err(|error| tracing::warn!(backend, %error, "drift cannot be read"))
        .ok()
}

fn remember(picture: &PersonaPicture, reading: &Reading, now: Instant) -> Remembered {
    let broker = reading.broker.as_ref();
    let queue = broker.map(|listing| listing.work_queue(&picture.queue));
    let dead = broker.map(|listing| listing.dead_letter_queue(&picture.queue));
    let figures = Figures {
        ready: messages(queue.as_ref()),
        dead: messages(dead.as_ref()),
        tokens_today: picture.tokens_today,
        posts: picture.posts,
        dead_lettered: picture.dead_lettered,
        model_seen: picture.model_seen,
    };
    Remembered {
        namespace: picture.namespace.clone(),
        name: picture.name.clone(),
        structure: Structure {
            queue: look(queue.as_ref()),
            dead_letters: look(dead.as_ref()),
            collection: match &reading.collections {
                None => Look::Unknown,
                Some(names) if names.contains(&picture.collection) => Look::Good,
                Some(_) => Look::Bad,
            },
            revision: picture.current_revision,
            model_error: picture.model_error.clone(),
            exhausted: picture
                .tokens_per_day
                .is_some_and(|limit| picture.tokens_today >= limit),
            unroutable: picture.unroutable,
        },
        seen: figures.clone(),
        figures,
        told: now,
    }
}

fn is_due(old: Option<&Remembered>, new: &Remembered, now: Instant) -> bool {
    // A persona that is seen for the first time was just reconciled, or is about to be.
    let Some(old) = old else {
        return !new.structure.is_sound();
    };
    let quiet_for = now.duration_since(old.told);
    old.structure != new.structure
        || (old.figures != new.figures && quiet_for >= FIGURES_INTERVAL)
        || (!new.structure.is_sound() && quiet_for >= REMINDER)
}

fn look(sight: Option<&QueueSight>) -> Look {
    match sight {
        None => Look::Unknown,
        Some(QueueSight::Standing { .. }) => Look::Good,
        Some(QueueSight::Absent | QueueSight::Unbound { .. } | QueueSight::Different { .. }) => {
            Look::Bad
        }
    }
}

fn messages(sight: Option<&QueueSight>) -> Option<u64> {
    match sight {
        Some(QueueSight::Standing { ready } | QueueSight::Unbound { ready }) => Some(*ready),
        _ => None,
    }
}

fn reference(remembered: &Remembered) -> Changed {
    Changed {
        namespace: remembered.namespace.clone(),
        name: remembered.name.clone(),
    }
}

#[cfg(test)]
mod tests;
