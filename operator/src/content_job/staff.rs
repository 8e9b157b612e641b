//! Makes worker Jobs match their plan.

use super::{
    ContentJobWorld,
    apply::waited,
    job::{WorkerJob, build_job, keys},
    observe::{self, ObserveError},
    resolve::{Obstacle, ObstacleKind},
    validate::ValidatedContentJob,
    workers::{WorkerPlan, WorkerStep, plan_workers},
};
use crate::{controller::time_boxed, persona::validate::SecretNeed, tenancy::secrets};
use backends::postgres::operator::{
    counts::RunView,
    runs::{JobSlot, PodBudget},
};
use crds::{ContentJob, Persona, Reason, common::meta::SecretPurpose};
use domain::{names::worker_job, revision::PersonaRevision};
use k8s_openapi::{
    api::{batch::v1::Job, core::v1::Secret},
    jiff::Timestamp,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, PostParams},
};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

/// How the workers of a run stand after `apply`.
#[derive(Debug, Clone, PartialEq)]
pub enum Workers {
    /// None is needed, or none may be.
    None,
    Running {
        name: String,
        active: i32,
    },
    /// This reconcile made it.
    Made {
        name: String,
        pods: i32,
    },
    /// The persona's or the install's Pods are all in use.
    Limited {
        message: String,
    },
    /// The last Job ended too early; the next one comes after a wait.
    Replacing {
        seconds: i64,
        failed: bool,
        message: String,
    },
    Blocked {
        obstacle: Obstacle,
        waited_seconds: f64,
    },
    /// The Jobs of the cluster were not listed yet.
    Unknown,
}

/// What is left to do about the workers once their places are granted.
#[derive(Debug)]
pub enum Staffing {
    /// Nothing.
    Settled(Workers),
    /// A place is granted, and this Job is to be made for it.
    Hire(Box<Hire>),
}

/// A worker Job that has its place and is not made yet.
#[derive(Debug)]
pub struct Hire {
    name: String,
    pods: i32,
    run: Uuid,
    built: Job,
}

impl Hire {
    /// How the workers stand once the Job is there.
    #[must_use]
    pub fn expected(&self) -> Workers {
        Workers::Made {
            name: self.name.clone(),
            pods: self.pods,
        }
    }
}

/// Carries out what [`plan_workers`] decides, but for the making of a Job: that is [`hire`]'s.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer.
pub async fn staff(
    world: &ContentJobWorld,
    object: &ContentJob,
    job: &ValidatedContentJob,
    view: &RunView,
) -> Result<Staffing, ObserveError> {
    let Some(sights) = world.jobs.sights(job.uid, Timestamp::now()) else {
        return Ok(Staffing::Settled(Workers::Unknown));
    };
    let WorkerPlan {
        step,
        remove,
        release,
    } = plan_workers(&world.workers.install, job, view, &sights);
    for name in remove {
        delete_job(world, job, &name).await?;
    }
    if release {
        for next in world.store.release_pods(view.run.id).await? {
            world.triggers.reconcile(&next.namespace, &next.name);
        }
    }
    Ok(Staffing::Settled(match step {
        WorkerStep::None => Workers::None,
        WorkerStep::Keep { name, active } => Workers::Running { name, active },
        WorkerStep::Wait {
            seconds,
            failed,
            message,
        } => Workers::Replacing {
            seconds,
            failed,
            message,
        },
        WorkerStep::Make { name, pods } => {
            return place(world, object, job, view, Some((name, pods)), 0, pods).await;
        }
        WorkerStep::Grant { pods, failures } => {
            return place(world, object, job, view, None, failures, pods).await;
        }
    }))
}

/// What a Job needs beside its slot.
struct Prepared {
    persona: Persona,
    revision: PersonaRevision,
    credentials_secret: String,
}

/// Asks for a place where none is granted, and builds the Job for it.
async fn place(
    world: &ContentJobWorld,
    object: &ContentJob,
    job: &ValidatedContentJob,
    view: &RunView,
    granted: Option<(String, i32)>,
    failures: i32,
    wanted: i32,
) -> Result<Staffing, ObserveError> {
    let prepared = match prepare(world, job, view).await? {
        Ok(prepared) => prepared,
        Err(obstacle) => {
            // A Job that cannot be made holds no place.
            world.store.release_pods(view.run.id).await?;
            let waited_seconds = waited(world, job, &obstacle).await?;
            return Ok(Staffing::Settled(Workers::Blocked {
                obstacle,
                waited_seconds,
            }));
        }
    };
    let budget = PodBudget {
        wanted,
        persona: prepared.persona.spec.limits.concurrency,
        install: world.workers.pods_limit,
    };
    let (name, pods) = match granted {
        Some(granted) => granted,
        None => match world
            .store
            .grant_pods(view.run.id, budget, failures)
            .await?
        {
            Some(JobSlot { ordinal, pods }) => (
                worker_job(&world.workers.install, &job.name, job.uid, ordinal),
                pods,
            ),
            None => {
                let message = format!(
                    "all {} worker Pods that Persona {:?} or the install may have are in use",
                    budget.persona, job.persona
                );
                return Ok(Staffing::Settled(Workers::Limited { message }));
            }
        },
    };
    let built = build_job(&WorkerJob {
        settings: &world.workers,
        namespace: &job.tenant.namespace,
        owner: object.controller_owner_ref(&()),
        content_job: Some(&job.name),
        ttl_seconds: job.ttl_seconds,
        persona: &prepared.persona,
        persona_name: &job.persona,
        persona_uid: view.run.persona_uid,
        revision: &prepared.revision,
        queue: &view.run.queue,
        run: view.run.id,
        credentials_digest: &view.run.credentials_digest,
        credentials_secret: &prepared.credentials_secret,
        name: &name,
        pods,
        seconds_left: view.run.seconds_left as i64,
    });
    Ok(Staffing::Hire(Box::new(Hire {
        name,
        pods,
        run: view.run.id,
        built,
    })))
}

/// Makes the Job.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer.
pub async fn hire(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    hire: Hire,
) -> Result<Workers, ObserveError> {
    let Hire {
        name,
        pods,
        run,
        built,
    } = hire;
    let api = Api::<Job>::namespaced(world.client.clone(), &job.tenant.namespace);
    match time_boxed(api.create(&PostParams::default(), &built)).await {
        Ok(made) => {
            world.jobs.note(&made);
            Ok(Workers::Made { name, pods })
        }
        // An earlier attempt made it and did not live to see the answer (FAULTS 8, 10).
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let found = time_boxed(api.get(&name)).await?;
            let active = found
                .status
                .as_ref()
                .and_then(|status| status.active)
                .unwrap_or(0);
            world.jobs.note(&found);
            Ok(Workers::Running { name, active })
        }
        // A quota, a policy, or a value of spec.worker that Kubernetes does not take.
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 422) => {
            let kind = if status.code == 403 {
                ObstacleKind::Reference
            } else {
                ObstacleKind::Person
            };
            let obstacle = Obstacle::new(
                kind,
                Reason::WorkerFailed,
                format!("Kubernetes refuses the worker Job: {}", status.message),
            );
            world.store.release_pods(run).await?;
            let waited_seconds = waited(world, job, &obstacle).await?;
            Ok(Workers::Blocked {
                obstacle,
                waited_seconds,
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// What the Job takes from persona, Secrets and credentials, read side by side: people wait for it.
async fn prepare(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    view: &RunView,
) -> Result<Result<Prepared, Obstacle>, ObserveError> {
    let (persona, revision, credentials) = tokio::join!(
        observe::persona(world, job),
        checked_revision(world, job, view),
        world.credentials.ensure(&job.tenant),
    );
    let Some(persona) = persona? else {
        let message = format!(
            "Persona {:?} does not exist in this namespace any more; create it",
            job.persona
        );
        return Ok(Err(Obstacle::new(
            ObstacleKind::Reference,
            Reason::PersonaNotFound,
            message,
        )));
    };
    let revision = match revision? {
        Ok(revision) => revision,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    match credentials {
        Ok(credentials_secret) => Ok(Ok(Prepared {
            persona,
            revision,
            credentials_secret,
        })),
        Err(error) => {
            let message = format!("the workers' credentials cannot be made: {error}");
            Ok(Err(Obstacle::new(
                ObstacleKind::Hold,
                Reason::DependencyUnavailable,
                message,
            )))
        }
    }
}

/// The revision that the run's tasks pin, where its Secrets may be used.
async fn checked_revision(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    view: &RunView,
) -> Result<Result<PersonaRevision, Obstacle>, ObserveError> {
    let Some(revision) = world.store.revision_of_run(view.run.id).await? else {
        let message = "the run's tasks are being restored";
        return Ok(Err(Obstacle::new(
            ObstacleKind::Hold,
            Reason::Progressing,
            message,
        )));
    };
    let checked = check_secrets(&world.client, &job.tenant.namespace, &revision).await?;
    Ok(checked.map(|()| revision))
}

/// The Secrets of the pinned revision, as they are now: a label or host that was taken away counts at once.
///
/// # Errors
/// The Kubernetes API does not answer.
pub async fn check_secrets(
    client: &Client,
    namespace: &str,
    revision: &PersonaRevision,
) -> Result<Result<(), Obstacle>, kube::Error> {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let mut read: HashMap<String, Option<Secret>> = HashMap::new();
    for need in secret_needs(revision) {
        if !read.contains_key(&need.name) {
            read.insert(
                need.name.clone(),
                time_boxed(api.get_opt(&need.name)).await?,
            );
        }
        if let Err(problem) = secrets::check(&need, read.get(&need.name).and_then(Option::as_ref)) {
            return Ok(Err(Obstacle::new(
                ObstacleKind::Reference,
                problem.reason,
                problem.message,
            )));
        }
    }
    Ok(Ok(()))
}

fn secret_needs(revision: &PersonaRevision) -> Vec<SecretNeed> {
    let endpoint = |purpose| match purpose {
        SecretPurpose::Model => revision.model.endpoint.endpoint.as_str(),
        SecretPurpose::Embedding => revision.embedding.endpoint.as_str(),
        SecretPurpose::Moderation => revision
            .moderation
            .as_ref()
            .map_or("", |moderation| moderation.endpoint.as_str()),
        // No persona has these.
        SecretPurpose::Github | SecretPurpose::Webhook => "",
    };
    keys(revision)
        .into_iter()
        .map(|(purpose, secret)| SecretNeed {
            purpose,
            name: secret.name.clone(),
            key: secret.key.clone(),
            host: Url::parse(endpoint(purpose))
                .ok()
                .and_then(|url| url.host_str().map(str::to_ascii_lowercase))
                .unwrap_or_default(),
        })
        .collect()
}

/// Removes a Job with its Pods; they get SIGTERM and finish or give back what they have.
async fn delete_job(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    name: &str,
) -> Result<(), kube::Error> {
    let api = Api::<Job>::namespaced(world.client.clone(), &job.tenant.namespace);
    match time_boxed(api.delete(name, &DeleteParams::background())).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => return Err(error),
    }
    world.jobs.note_removal(job.uid, name);
    Ok(())
}
