//! The install's worker Jobs, from one watch by label. What this process made itself is noted at once, so that a watch
//! that lags behind never leads to a second Job (FAULTS 6).

use super::workers::{JobEnd, JobSight};
use crate::signals::{Trigger, Wakes};
use crds::{ContentJob, common::meta::LABEL_INSTALL};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::{api::batch::v1::Job, jiff::Timestamp};
use kube::{
    Api, ResourceExt,
    runtime::{WatchStreamExt, reflector::ObjectRef, watcher},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// What is kept of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    namespace: String,
    owner_name: String,
    active: i32,
    deleting: bool,
    created: Option<Timestamp>,
    end: Option<(Timestamp, bool, String)>,
}

type Owned = HashMap<Uuid, HashMap<String, Record>>;

/// Worker Jobs by the uid of their ContentJob.
#[derive(Debug, Clone, Default)]
pub struct WorkerJobs {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// False until the first listing is complete: before, nothing may be concluded from a Job that is not here.
    listed: bool,
    jobs: Owned,
    listing: Owned,
}

impl WorkerJobs {
    /// The Jobs of a ContentJob; none before the Jobs were listed.
    #[must_use]
    pub fn sights(&self, owner: Uuid, now: Timestamp) -> Option<Vec<JobSight>> {
        let known = self.lock();
        let jobs = known.jobs.get(&owner);
        known.listed.then(|| {
            jobs.into_iter()
                .flatten()
                .map(|(name, record)| sight(name, record, now))
                .collect()
        })
    }

    /// Notes a Job that this process made or read itself.
    pub fn note(&self, job: &Job) {
        if let Some((owner, name, record)) = record(job) {
            self.lock()
                .jobs
                .entry(owner)
                .or_default()
                .insert(name, record);
        }
    }

    /// Notes that this process asked for a Job's removal, so that it does not ask again before the watch tells.
    pub fn note_removal(&self, owner: Uuid, name: &str) {
        if let Some(record) = self
            .lock()
            .jobs
            .get_mut(&owner)
            .and_then(|jobs| jobs.get_mut(name))
        {
            record.deleting = true;
        }
    }

    /// Takes in one event; answers the ContentJobs for which something changed.
    pub fn apply(&self, event: watcher::Event<Job>) -> Vec<ObjectRef<ContentJob>> {
        let mut known = self.lock();
        match event {
            watcher::Event::Init => {
                known.listing.clear();
                Vec::new()
            }
            watcher::Event::InitApply(job) => {
                if let Some((owner, name, record)) = record(&job) {
                    known.listing.entry(owner).or_default().insert(name, record);
                }
                Vec::new()
            }
            watcher::Event::InitDone => {
                let listing = std::mem::take(&mut known.listing);
                let before = std::mem::replace(&mut known.jobs, listing);
                known.listed = true;
                known.changed_since(&before)
            }
            watcher::Event::Apply(job) => match record(&job) {
                Some((owner, name, record)) => {
                    let reference = reference(&record);
                    let old = known
                        .jobs
                        .entry(owner)
                        .or_default()
                        .insert(name, record.clone());
                    if old.as_ref() == Some(&record) {
                        Vec::new()
                    } else {
                        vec![reference]
                    }
                }
                None => Vec::new(),
            },
            watcher::Event::Delete(job) => match record(&job) {
                Some((owner, name, record)) => {
                    let left = known.jobs.get_mut(&owner).is_some_and(|jobs| {
                        jobs.remove(&name);
                        !jobs.is_empty()
                    });
                    if !left {
                        known.jobs.remove(&owner);
                    }
                    vec![reference(&record)]
                }
                None => Vec::new(),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn changed_since(&self, before: &Owned) -> Vec<ObjectRef<ContentJob>> {
        let mut owners: Vec<&Uuid> = before.keys().chain(self.jobs.keys()).collect();
        owners.sort();
        owners.dedup();
        owners
            .into_iter()
            .filter(|owner| before.get(owner) != self.jobs.get(owner))
            .filter_map(|owner| {
                let jobs = self.jobs.get(owner).or_else(|| before.get(owner))?;
                jobs.values().next().map(reference)
            })
            .collect()
    }
}

/// Watches the install's worker Jobs for ever; `changed` hears of each ContentJob whose Jobs changed, `others` of every change of
/// Jobs that belong to none.
pub async fn watch(
    client: kube::Client,
    install: String,
    jobs: WorkerJobs,
    changed: Trigger<ContentJob>,
    others: Arc<Wakes>,
) {
    let config = watcher::Config::default().labels(&format!("{LABEL_INSTALL}={install}"));
    let mut events = watcher(Api::<Job>::all(client), config)
        .default_backoff()
        .boxed();
    loop {
        match events.try_next().await {
            Ok(Some(event)) => {
                if concerns_others(&event) {
                    others.source_jobs.notify_one();
                }
                for owner in jobs.apply(event) {
                    changed.reconcile(owner.namespace.as_deref().unwrap_or_default(), &owner.name);
                }
            }
            Ok(None) => return,
            Err(error) => tracing::debug!(%error, "the watch of worker Jobs is opened again"),
        }
    }
}

fn concerns_others(event: &watcher::Event<Job>) -> bool {
    match event {
        watcher::Event::Apply(job) | watcher::Event::Delete(job) => record(job).is_none(),
        watcher::Event::InitDone => true,
        watcher::Event::Init | watcher::Event::InitApply(_) => false,
    }
}

fn reference(record: &Record) -> ObjectRef<ContentJob> {
    ObjectRef::new(&record.owner_name).within(&record.namespace)
}

fn record(job: &Job) -> Option<(Uuid, String, Record)> {
    let owner = job
        .owner_references()
        .iter()
        .find(|owner| owner.kind == "ContentJob" && owner.controller == Some(true))?;
    let status = job.status.as_ref();
    let end = status.and_then(|status| {
        let ended = status.conditions.iter().flatten().find(|condition| {
            condition.status == "True"
                && (condition.type_ == "Complete" || condition.type_ == "Failed")
        })?;
        let at = ended
            .last_transition_time
            .as_ref()
            .map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        let message = [ended.reason.as_deref(), ended.message.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(": ");
        Some((at, ended.type_ == "Failed", message))
    });
    let record = Record {
        namespace: job.namespace()?,
        owner_name: owner.name.clone(),
        active: status.and_then(|status| status.active).unwrap_or(0),
        deleting: job.metadata.deletion_timestamp.is_some(),
        created: job.metadata.creation_timestamp.as_ref().map(|time| time.0),
        end,
    };
    Some((owner.uid.parse().ok()?, job.name_any(), record))
}

fn sight(name: &str, record: &Record, now: Timestamp) -> JobSight {
    let seconds = |from: Timestamp, to: Timestamp| to.as_second() - from.as_second();
    JobSight {
        name: name.to_owned(),
        active: record.active,
        deleting: record.deleting,
        end: record.end.as_ref().map(|(at, failed, message)| JobEnd {
            failed: *failed,
            message: message.clone(),
            seconds_ago: seconds(*at, now),
            lived_seconds: record.created.map_or(0, |created| seconds(created, *at)),
        }),
    }
}

#[cfg(test)]
mod tests;
