//! Makes worker Jobs match their plan, but for the making: that is [`super::hire`]'s.

use super::{
    ContentJobWorld,
    hire::{Hire, give_back, prepare},
    observe::ObserveError,
    resolve::Obstacle,
    validate::ValidatedContentJob,
    workers::{WorkerPlan, WorkerStep, plan_workers},
};
use crate::controller::time_boxed;
use backends::postgres::operator::{
    counts::RunView,
    runs::{JobSlot, PodBudget},
};
use domain::names::worker_job;
use k8s_openapi::{api::batch::v1::Job, jiff::Timestamp};
use kube::{Api, api::DeleteParams};

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

/// Carries out what [`plan_workers`] decides, but for the making of a Job. `limited` says why the run that
/// was written just now has no place; it is not asked for again.
///
/// # Errors
/// Postgres or the Kubernetes API does not answer.
pub async fn staff(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    view: &RunView,
    limited: Option<&str>,
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
            return Ok(Staffing::Hire(Box::new(Hire {
                name,
                pods,
                run: view.run.clone(),
                prepared: None,
            })));
        }
        WorkerStep::Grant { pods, failures } => match limited {
            Some(message) => Workers::Limited {
                message: message.to_owned(),
            },
            None => return place(world, job, view, failures, pods).await,
        },
    }))
}

/// What a job is told whose persona's, or the install's, Pods are all in use; `concurrency` is the persona's limit.
#[must_use]
pub fn limited(job: &ValidatedContentJob, concurrency: i32) -> String {
    format!(
        "all {concurrency} worker Pods that Persona {:?} or the install may have are in use",
        job.persona
    )
}

/// Asks for a place, where the Job could be made.
async fn place(
    world: &ContentJobWorld,
    job: &ValidatedContentJob,
    view: &RunView,
    failures: i32,
    wanted: i32,
) -> Result<Staffing, ObserveError> {
    let prepared = match prepare(world, job, view.run.id).await? {
        Ok(prepared) => prepared,
        Err(obstacle) => {
            let blocked = give_back(world, job, view.run.id, obstacle).await?;
            return Ok(Staffing::Settled(blocked));
        }
    };
    let budget = PodBudget {
        wanted,
        persona: prepared.persona.spec.limits.concurrency,
        install: world.workers.pods_limit,
    };
    let granted = world
        .store
        .grant_pods(view.run.id, budget, failures)
        .await?;
    Ok(match granted {
        Some(JobSlot { ordinal, pods }) => Staffing::Hire(Box::new(Hire {
            name: worker_job(&world.workers.install, &job.name, job.uid, ordinal),
            pods,
            run: view.run.clone(),
            prepared: Some(prepared),
        })),
        None => Staffing::Settled(Workers::Limited {
            message: limited(job, budget.persona),
        }),
    })
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
