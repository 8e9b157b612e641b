//! Jobs that wait for a Persona, a PromptTemplate or an Experiment, so that its appearance moves them on at once and moves no other.

use super::validate::ValidatedContentJob;
use crate::signals::Trigger;
use crds::{ContentJob, Experiment, Persona, PromptTemplate, Reason};
use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    Persona,
    /// Any template of the namespace: which one may hang on the persona.
    Template,
    /// The one that the job names.
    Experiment,
}

type Key = (Awaited, String, String);

/// Names of waiting jobs by what they wait for.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Arc<Mutex<HashMap<Key, BTreeSet<String>>>>);

impl Waiting {
    /// Notes what a job waits for now, or that it does not.
    pub fn note(&self, job: &ValidatedContentJob, reason: Option<Reason>) {
        let wanted = reason.and_then(awaited);
        let namespace = &job.tenant.namespace;
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in [Awaited::Persona, Awaited::Template, Awaited::Experiment] {
            let name = match kind {
                Awaited::Persona => job.persona.clone(),
                Awaited::Experiment => job.experiment.clone().unwrap_or_default(),
                Awaited::Template => String::new(),
            };
            let key = (kind, namespace.clone(), name);
            if wanted == Some(kind) {
                waiting.entry(key).or_default().insert(job.name.clone());
            } else if let Some(jobs) = waiting.get_mut(&key) {
                jobs.remove(&job.name);
                if jobs.is_empty() {
                    waiting.remove(&key);
                }
            }
        }
    }

    /// Jobs that wait for this object.
    #[must_use]
    pub fn of(&self, awaited: Awaited, namespace: &str, name: &str) -> Vec<String> {
        let name = match awaited {
            Awaited::Persona | Awaited::Experiment => name.to_owned(),
            Awaited::Template => String::new(),
        };
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .get(&(awaited, namespace.to_owned(), name))
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

fn awaited(reason: Reason) -> Option<Awaited> {
    match reason {
        Reason::PersonaNotFound
        | Reason::PersonaNotReady
        | Reason::PersonaSuspended
        | Reason::ConcurrencyLimited => Some(Awaited::Persona),
        Reason::PromptTemplateNotFound
        | Reason::TrackNotFound
        | Reason::DigestNotFound
        | Reason::PromptInvalid
        | Reason::VersionChanged
        | Reason::VariableMissing => Some(Awaited::Template),
        Reason::ExperimentNotFound | Reason::ExperimentNotRunning => Some(Awaited::Experiment),
        _ => None,
    }
}

/// Watches Personas, PromptTemplates and Experiments for ever; a change of one, its status included, moves on whoever waits
/// for it.
pub async fn watch(client: kube::Client, waiting: Waiting, jobs: Trigger<ContentJob>) {
    tokio::join!(
        watch_kind::<Persona>(client.clone(), Awaited::Persona, &waiting, &jobs),
        watch_kind::<PromptTemplate>(client.clone(), Awaited::Template, &waiting, &jobs),
        watch_kind::<Experiment>(client, Awaited::Experiment, &waiting, &jobs),
    );
}

async fn watch_kind<K>(
    client: kube::Client,
    awaited: Awaited,
    waiting: &Waiting,
    jobs: &Trigger<ContentJob>,
) where
    K: Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
{
    let api = Api::<PartialObjectMeta<K>>::all(client);
    let mut changes = watcher(api, watcher::Config::default())
        .default_backoff()
        .applied_objects()
        .boxed();
    loop {
        match changes.try_next().await {
            Ok(Some(changed)) => {
                let namespace = changed.namespace().unwrap_or_default();
                for job in waiting.of(awaited, &namespace, &changed.name_any()) {
                    jobs.reconcile(&namespace, &job);
                }
            }
            Ok(None) => return,
            Err(error) => tracing::debug!(kind = %K::kind(&()), %error, "a watch is opened again"),
        }
    }
}

#[cfg(test)]
mod tests;
