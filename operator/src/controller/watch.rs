//! The watch of one kind: metadata alone, pruned. The object itself is read when it is reconciled, so that ten thousand
//! finished ones cost little memory, and one that does not deserialize disturbs no other (FAULTS 14).

use super::{Kind, driver::Watched};
use crate::{context::Context, signals::Signals};
use futures::{Stream, StreamExt, TryStreamExt};
use kube::{
    Api, Resource,
    core::PartialObjectMeta,
    runtime::{
        Predicate, WatchStreamExt, predicates,
        reflector::{Store, store::Writer},
        watcher,
    },
};
use std::{sync::Arc, time::Duration};
use telemetry::Check;

/// Only annotations of ours matter to us; others may be as large as the object.
const OUR_ANNOTATIONS: &str = "threads-agent.io/";
/// Objects of one answer while the watch begins. An answer is held whole, with all that is pruned from it afterwards, and what
/// it took stays with the process.
pub const PAGE: u32 = 100;
/// Objects may exist unchanged for very long; forgetting what was seen would reconcile them for nothing.
const SEEN_FOR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Objects whose generation, finalizers or annotations changed, and the store that the watch keeps.
pub fn changes<K: Kind>(
    ctx: &Arc<Context>,
    writer: Writer<Watched<K>>,
) -> impl Stream<Item = Result<Watched<K>, watcher::Error>> + Send + use<K> {
    let api = Api::<PartialObjectMeta<K>>::all(ctx.client.clone());
    let health = Health::new::<K>(ctx);
    let signals = ctx.process.signals.clone();
    let seen = watcher(api, watcher::Config::default().page_size(PAGE))
        .default_backoff()
        .inspect(move |event| health.note(event));
    // Behind the store, so that whoever is woken no longer finds the object there.
    let kept = kept(seen, writer).inspect_ok(move |event| note_deletion(event, &signals));
    changed(kept)
}

/// Objects whose generation, finalizers or annotations differ from what was seen of them. Public for the measurement of what
/// that takes.
pub fn changed<K: Kind>(
    seen: impl Stream<Item = Result<watcher::Event<Watched<K>>, watcher::Error>> + Send,
) -> impl Stream<Item = Result<Watched<K>, watcher::Error>> + Send {
    seen.applied_objects().predicate_filter(
        predicates::generation
            .combine(predicates::finalizers)
            .combine(predicates::annotations),
        kube::runtime::PredicateConfig::default().ttl(SEEN_FOR),
    )
}

/// Fills the store with what the watch tells, pruned. Public for the measurement of what that takes.
pub fn kept<K: Kind>(
    seen: impl Stream<Item = Result<watcher::Event<Watched<K>>, watcher::Error>> + Send,
    writer: Writer<Watched<K>>,
) -> impl Stream<Item = Result<watcher::Event<Watched<K>>, watcher::Error>> + Send {
    seen.map_ok(|event| event.modify(prune)).reflect(writer)
}

/// Readiness and a metric: a watch that is forbidden is no silence (FAULTS 9).
struct Health {
    kind: String,
    check: Check,
    errors: prometheus::IntCounter,
}

impl Health {
    fn new<K: Kind>(ctx: &Context) -> Self {
        let kind = K::kind(&()).into_owned();
        Self {
            check: ctx
                .process
                .ready
                .register(&format!("watch {kind}"), "not listed yet"),
            errors: ctx
                .process
                .metrics
                .reconciling
                .watch_errors
                .with_label_values(&[&kind]),
            kind,
        }
    }

    fn note<T>(&self, event: &Result<watcher::Event<T>, watcher::Error>) {
        match event {
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => {}
            Ok(_) => self.check.pass(),
            Err(error) => {
                self.errors.inc();
                self.check
                    .fail("the API server does not let it watch, or does not answer");
                tracing::warn!(kind = self.kind, %error, "a watch failed and is opened again");
            }
        }
    }
}

/// Nobody reconciles an object that is gone: the search for orphans finds what it left.
fn note_deletion<T>(event: &watcher::Event<T>, signals: &Signals) {
    if matches!(event, watcher::Event::Delete(_) | watcher::Event::InitDone) {
        // One search a kind waits for this; whichever does not wait now finds the permit.
        signals.wakes.orphans.notify_waiters();
        signals.wakes.orphans.notify_one();
    }
}

fn prune<K: Resource<DynamicType = ()>>(object: &mut PartialObjectMeta<K>) {
    object.types = None;
    let metadata = &mut object.metadata;
    metadata.managed_fields = None;
    metadata.labels = None;
    metadata.owner_references = None;
    metadata.creation_timestamp = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| key.starts_with(OUR_ANNOTATIONS));
    }
}

/// A store and its writer.
#[must_use]
pub fn store<K: Kind>() -> (Store<Watched<K>>, Writer<Watched<K>>) {
    let writer = Writer::default();
    (writer.as_reader(), writer)
}
