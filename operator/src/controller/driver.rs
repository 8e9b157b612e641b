//! The decorator around a kind's reconcile.

use super::{
    ErrorClass, Kind, Notice, Outcome, ReconcileError, Verdict, backoff, calls::time_boxed,
    degraded::degrade, watch,
};
use crate::{context::Context, metrics::ReconcileMetrics, signals::Triggered};
use crds::Reason;
use futures::{FutureExt, StreamExt};
use kube::{
    Api, Resource, ResourceExt,
    core::{DeserializeGuard, PartialObjectMeta},
    runtime::{
        Controller,
        controller::{Action, Config},
        events::{Event, EventType},
        reflector::{ObjectRef, Store},
    },
};
use rand::RngExt;
use std::{
    collections::HashMap,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio_stream::wrappers::{UnboundedReceiverStream, WatchStream};

/// What the store of a kind holds: metadata, pruned.
pub type Watched<K> = PartialObjectMeta<K>;

/// Reconciles of one kind at the same time.
const CONCURRENCY: u16 = 16;

/// The stream of a controller ended although nobody asked it to; the process must not go on as if it still watched.
#[derive(Debug, thiserror::Error)]
#[error("the controller of {0} ended")]
pub struct StreamEnded(String);

/// Runs the controller of one kind until the process drains. `extend` adds further watches (children, references).
///
/// `reconcile` gets the object as the API server has it at that moment; it is not called for objects that are gone.
///
/// # Errors
/// [`StreamEnded`]
pub async fn run<K, F, R>(
    ctx: Arc<Context>,
    triggered: Triggered<K>,
    extend: impl FnOnce(Controller<Watched<K>>, Store<Watched<K>>) -> Controller<Watched<K>>,
    reconcile: F,
) -> Result<(), StreamEnded>
where
    K: Kind,
    F: Fn(Arc<K>, Arc<Context>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, ReconcileError>> + Send + 'static,
{
    let (store, writer) = watch::store::<K>();
    let signals = ctx.process.signals.clone();
    let controller = Controller::for_stream(watch::changes::<K>(&ctx, writer), store.clone())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(UnboundedReceiverStream::new(triggered).map(erase))
        // The first value is the state that every object is reconciled with anyway.
        .reconcile_all_on(WatchStream::from_changes(signals.paused.subscribe()).map(|_| ()))
        .graceful_shutdown_on(signals.stop.clone().cancelled_owned());
    let driver = Arc::new(Driver {
        ctx,
        reconcile,
        failures: Mutex::default(),
        kind: std::marker::PhantomData,
    });
    // From now on none fails, and none is not unknown.
    driver.tell_failing(0);
    extend(controller, store)
        .run(
            |seen, driver: Arc<Driver<K, F>>| async move {
                Ok::<_, Infallible>(driver.drive(&seen).await)
            },
            |_, never, _| match *never {},
            driver,
        )
        .for_each(|done| {
            if let Err(error) = done {
                tracing::debug!(kind = %K::kind(&()), %error, "not reconciled");
            }
            std::future::ready(())
        })
        .await;
    if signals.stop.is_cancelled() {
        Ok(())
    } else {
        Err(StreamEnded(K::kind(&()).into_owned()))
    }
}

fn erase<K: Kind>(reference: ObjectRef<K>) -> ObjectRef<Watched<K>> {
    let namespace = reference.namespace.unwrap_or_default();
    ObjectRef::new(&reference.name).within(&namespace)
}

struct Driver<K, F> {
    ctx: Arc<Context>,
    reconcile: F,
    /// Failures in a row, of objects that failed the last time.
    failures: Mutex<HashMap<(String, String), u32>>,
    kind: std::marker::PhantomData<fn(K)>,
}

impl<K, F, R> Driver<K, F>
where
    K: Kind,
    F: Fn(Arc<K>, Arc<Context>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, ReconcileError>> + Send + 'static,
{
    async fn drive(&self, seen: &Watched<K>) -> Action {
        let key = (seen.namespace().unwrap_or_default(), seen.name_any());
        let began = Instant::now();
        let running = self.metrics().running.with_label_values(&[&*K::kind(&())]);
        running.inc();
        let done = self.attempt(&key.0, &key.1).await;
        running.dec();
        self.measure(began, &done);
        match done {
            Ok(outcome) => {
                self.forget_failures(&key);
                self.publish(seen, outcome.notices).await;
                outcome
                    .again
                    .map_or_else(Action::await_change, Action::requeue)
            }
            Err(error) => self.after_failure(seen, key, &error).await,
        }
    }

    fn metrics(&self) -> &ReconcileMetrics {
        &self.ctx.process.metrics.reconciling
    }

    fn measure(&self, began: Instant, done: &Result<Outcome, ReconcileError>) {
        let kind = K::kind(&());
        let (word, repairs) = done.as_ref().map_or_else(
            |error| (error.class.as_str(), [].as_slice()),
            |outcome| (outcome.verdict.as_str(), outcome.repairs.as_slice()),
        );
        let metrics = self.metrics();
        metrics
            .seconds
            .with_label_values(&[&*kind])
            .observe(began.elapsed().as_secs_f64());
        metrics.outcomes.with_label_values(&[&*kind, word]).inc();
        for backend in repairs {
            let repaired = &self.ctx.process.metrics.drift.repairs;
            repaired.with_label_values(&[*backend]).inc();
        }
    }

    /// Reads the object and reconciles it. A panic unwinds no further than here (FAULTS 13).
    async fn attempt(&self, namespace: &str, name: &str) -> Result<Outcome, ReconcileError> {
        let api = Api::<DeserializeGuard<K>>::namespaced(self.ctx.client.clone(), namespace);
        let object = match time_boxed(api.get_opt(name)).await? {
            None => return Ok(Outcome::of(Verdict::Skipped)),
            Some(DeserializeGuard(Ok(object))) => object,
            Some(DeserializeGuard(Err(invalid))) => {
                return self.refuse(namespace, name, &invalid.to_string()).await;
            }
        };
        let reconcile = async { (self.reconcile)(Arc::new(object), self.ctx.clone()).await };
        match AssertUnwindSafe(reconcile).catch_unwind().await {
            Ok(done) => done,
            Err(panic) => {
                let text = panic_text(&*panic);
                tracing::error!(kind = %K::kind(&()), namespace, name, panic = text, "a reconcile panicked");
                degrade::<K>(
                    &self.ctx.client,
                    namespace,
                    name,
                    Reason::InternalError,
                    "the operator met a state of this resource that it does not know; its log holds the details",
                )
                .await?;
                Err(ReconcileError::bug(format!("panic: {text}")))
            }
        }
    }

    /// An object that predates the schema, or got around it: it is told so and left alone.
    async fn refuse(
        &self,
        namespace: &str,
        name: &str,
        why: &str,
    ) -> Result<Outcome, ReconcileError> {
        degrade::<K>(
            &self.ctx.client,
            namespace,
            name,
            Reason::SpecInvalid,
            &format!("the resource cannot be read: {why}"),
        )
        .await?;
        Ok(Outcome::of(Verdict::Refused))
    }

    async fn after_failure(
        &self,
        seen: &Watched<K>,
        key: (String, String),
        error: &ReconcileError,
    ) -> Action {
        let (namespace, name) = key.clone();
        let kind = K::kind(&());
        let failures = self.count_failure(key);
        match error.class {
            ErrorClass::Fenced => {
                tracing::error!(%kind, namespace, name, %error, "this process no longer leads");
                self.ctx.process.leadership.lose();
            }
            ErrorClass::Bug => {
                tracing::error!(%kind, namespace, name, %error, failures, "a reconcile failed")
            }
            _ => {
                tracing::warn!(%kind, namespace, name, %error, failures, "a reconcile failed and is repeated")
            }
        }
        if error.class == ErrorClass::Bug && failures == 1 {
            self.publish(
                seen,
                vec![Notice::warning(
                    error.reason.as_str(),
                    error.message.clone(),
                )],
            )
            .await;
        }
        backoff::delay(error.class, failures, rand::rng().random())
            .map_or_else(Action::await_change, Action::requeue)
    }

    fn count_failure(&self, key: (String, String)) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key).or_default();
        *count = count.saturating_add(1);
        let count = *count;
        self.tell_failing(failures.len());
        count
    }

    fn tell_failing(&self, objects: usize) {
        let failing = self.metrics().failing.with_label_values(&[&*K::kind(&())]);
        failing.set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    fn forget_failures(&self, key: &(String, String)) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.remove(key).is_some() {
            self.tell_failing(failures.len());
        }
    }

    /// Events are a courtesy: that one could not be written is no failure.
    async fn publish(&self, seen: &Watched<K>, notices: Vec<Notice>) {
        let reference = seen.object_ref(&());
        for notice in notices {
            let event = Event {
                type_: if notice.warning {
                    EventType::Warning
                } else {
                    EventType::Normal
                },
                reason: notice.reason.to_owned(),
                note: Some(notice.note.chars().take(1000).collect()),
                action: "Reconcile".to_owned(),
                secondary: None,
            };
            if let Err(error) =
                time_boxed(self.ctx.process.recorder.publish(&event, &reference)).await
            {
                tracing::debug!(%error, "an event was not written");
            }
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests;
