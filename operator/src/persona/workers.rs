//! How many worker Pods of each persona are not finished, from one watch of Pods by label.

use crate::context::Context;
use crds::common::meta::{LABEL_INSTALL, LABEL_PERSONA};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Pods that start or end together are told together.
const SETTLE: Duration = Duration::from_secs(2);

/// A persona by namespace and name.
pub type PersonaKey = (String, String);

/// Unfinished worker Pods by persona: the names alone, so that ten thousand Pods cost little.
#[derive(Debug, Clone, Default)]
pub struct WorkerPods {
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    /// False until the first listing is complete: before, a count of zero would be an invention.
    listed: bool,
    active: HashMap<PersonaKey, HashSet<String>>,
    listing: HashMap<PersonaKey, HashSet<String>>,
}

impl WorkerPods {
    /// Unfinished Pods of a persona; none before the Pods were listed.
    #[must_use]
    pub fn active(&self, namespace: &str, persona: &str) -> Option<usize> {
        let counted = self.lock();
        let key = (namespace.to_owned(), persona.to_owned());
        counted
            .listed
            .then(|| counted.active.get(&key).map_or(0, HashSet::len))
    }

    /// Takes in one event; answers the personas whose number changed.
    pub fn apply(&self, event: watcher::Event<Pod>) -> Vec<PersonaKey> {
        let mut counted = self.lock();
        match event {
            watcher::Event::Init => {
                counted.listing.clear();
                Vec::new()
            }
            watcher::Event::InitApply(pod) => {
                if let (Some(key), true) = (key_of(&pod), is_active(&pod)) {
                    counted
                        .listing
                        .entry(key)
                        .or_default()
                        .insert(pod.name_any());
                }
                Vec::new()
            }
            watcher::Event::InitDone => {
                let listing = std::mem::take(&mut counted.listing);
                let before = std::mem::replace(&mut counted.active, listing);
                let first = !std::mem::replace(&mut counted.listed, true);
                let keys: HashSet<&PersonaKey> =
                    before.keys().chain(counted.active.keys()).collect();
                keys.into_iter()
                    .filter(|key| {
                        first
                            || before.get(*key).map(HashSet::len)
                                != counted.active.get(*key).map(HashSet::len)
                    })
                    .cloned()
                    .collect()
            }
            watcher::Event::Apply(pod) => counted.place(&pod, is_active(&pod)),
            watcher::Event::Delete(pod) => counted.place(&pod, false),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn place(&mut self, pod: &Pod, active: bool) -> Vec<PersonaKey> {
        let Some(key) = key_of(pod) else {
            return Vec::new();
        };
        let pods = self.active.entry(key.clone()).or_default();
        let changed = if active {
            pods.insert(pod.name_any())
        } else {
            pods.remove(&pod.name_any())
        };
        if pods.is_empty() {
            self.active.remove(&key);
        }
        if changed { vec![key] } else { Vec::new() }
    }
}

/// Watches the install's worker Pods until the process drains, and has each persona reconciled whose number changed. A
/// watch that breaks is opened again.
pub async fn watch(ctx: Arc<Context>, pods: WorkerPods) {
    let signals = &ctx.process.signals;
    let config =
        watcher::Config::default().labels(&format!("{LABEL_INSTALL}={}", ctx.settings.install));
    let mut events = watcher(Api::<Pod>::all(ctx.client.clone()), config)
        .default_backoff()
        .boxed();
    // What changed since the last telling: a Job that starts twenty Pods is one reconcile, not twenty.
    let mut changed: HashSet<PersonaKey> = HashSet::new();
    let mut tell = tokio::time::interval(SETTLE);
    loop {
        tokio::select! {
            () = signals.stop.cancelled() => return,
            _ = tell.tick() => {
                for (namespace, name) in changed.drain() {
                    signals.triggers.personas.reconcile(&namespace, &name);
                }
            }
            event = events.next() => match event {
                None => return,
                Some(Ok(event)) => changed.extend(pods.apply(event)),
                Some(Err(error)) => tracing::debug!(%error, "the watch of worker Pods is opened again"),
            }
        }
    }
}

fn key_of(pod: &Pod) -> Option<PersonaKey> {
    Some((pod.namespace()?, pod.labels().get(LABEL_PERSONA)?.clone()))
}

fn is_active(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    !matches!(phase, Some("Succeeded" | "Failed"))
}

#[cfg(test)]
mod tests;
