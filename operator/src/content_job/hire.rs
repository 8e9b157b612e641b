//! The making of a worker Job for which a place is granted: what it takes from Persona, Secrets and credentials, and what
//! becomes of the place where it cannot be made.

use super::{
    ContentJobWorld,
    apply::waited,
    job::{WorkerJob, build_job, keys},
    observe::{self, ObserveError},
    resolve::{Obstacle, ObstacleKind},
    staff::Workers,
    validate::ValidatedContentJob,
};
use crate::{controller::time_boxed, persona::validate::SecretNeed, tenancy::secrets};
use backends::postgres::operator::counts::RunRow;
use crds::{ContentJob, Persona, Reason, common::meta::SecretPurpose};
use domain::revision::PersonaRevision;
use k8s_openapi::api::{batch::v1::Job, core::v1::Secret};
use kube::{Api, Client, Resource, api::PostParams};
use std::collections::HashMap;
use url::Url;
use uuid::Uuid;

/// A worker Job that has its place and is not made yet.
#[derive(Debug)]
pub struct Hire {
    pub name: String,
    pub pods: i32,
    pub run: RunRow,
    /// Where it was looked at before the place was asked for.
    pub prepared: Option<Prepared>,
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

/// What a Job needs beside its slot.
#[derive(Debug)]
pub struct Prepared {
    pub persona: Persona,
    revision: PersonaRevision,
    credentials_secret: String,
}

/// A Job that cannot be made holds no place.
pub(super) async fn give_back(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    run: Uuid,
    obstacle: Obstacle,
) -> Result<Workers, ObserveError> {
    for next in world.store.release_pods(run).await? {
        world.triggers.reconcile(&next.namespace, &next.name);
    }
    let waited_seconds = waited(world, job, &obstacle).await?;
    Ok(Workers::Blocked {
        obstacle,
        waited_seconds,
    })
}

/// Makes the Job, or gives its place back where it cannot be made.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer.
pub async fn hire(
    world: &ContentJobWorld,
    object: &ContentJob,
    job: &ValidatedContentJob,
    hire: Hire,
) -> Result<Workers, ObserveError> {
    let Hire {
        name,
        pods,
        run,
        prepared,
    } = hire;
    let prepared = match prepared {
        Some(prepared) => prepared,
        None => match prepare(world, job, run.id).await? {
            Ok(prepared) => prepared,
            Err(obstacle) => return give_back(world, job, run.id, obstacle).await,
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
        persona_uid: run.persona_uid,
        revision: &prepared.revision,
        queue: &run.queue,
        run: run.id,
        credentials_digest: &run.credentials_digest,
        credentials_secret: &prepared.credentials_secret,
        name: &name,
        pods,
        seconds_left: run.seconds_left as i64,
    });
    make(world, job, run.id, built, pods).await
}

async fn make(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    run: Uuid,
    built: Job,
    pods: i32,
) -> Result<Workers, ObserveError> {
    let name = built.metadata.name.clone().unwrap_or_default();
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
            give_back(world, job, run, obstacle).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What the Job takes from persona, Secrets and credentials, read side by side: people wait for it.
pub(super) async fn prepare(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    run: Uuid,
) -> Result<Result<Prepared, Obstacle>, ObserveError> {
    let (persona, revision, credentials) = tokio::join!(
        observe::persona(world, &job.tenant.namespace, &job.persona),
        checked_revision(world, job, run),
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
    run: Uuid,
) -> Result<Result<PersonaRevision, Obstacle>, ObserveError> {
    let Some(revision) = world.store.revision_of_run(run).await? else {
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
