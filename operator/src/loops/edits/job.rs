//! The worker Job of an embedding.

use crate::{
    content_job::{
        hire::check_secrets,
        job::{WorkerJob, WorkerSettings, build_job},
    },
    context::Context,
    controller::time_boxed,
    tenancy::Tenancy,
};
use backends::postgres::{
    StoreError,
    operator::{edits::EmbeddingRun, runs::PodBudget},
};
use crds::Persona;
use domain::names::{Tenant, worker_job};
use k8s_openapi::{
    api::batch::v1::{Job, JobStatus},
    jiff::Timestamp,
};
use kube::{Api, Resource, api::PostParams};

/// Before a Job that failed is replaced the first time; each further time it is twice as long.
const REPLACE_SECONDS: i64 = 5;
const TTL_SECONDS: i32 = 300;

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("Postgres: {0}")]
    Store(#[from] StoreError),
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
}

fn jobs(ctx: &Context, run: &EmbeddingRun) -> Api<Job> {
    Api::namespaced(ctx.client.clone(), &run.namespace)
}

fn name(ctx: &Context, run: &EmbeddingRun, ordinal: i32) -> String {
    let readable = format!("embed-{}", run.persona_name);
    worker_job(&ctx.settings.install, &readable, run.post, ordinal)
}

/// Looks after a Job that was granted: makes it where a crash came between, replaces it with backoff where it ended too early.
pub async fn follow(ctx: &Context, tenancy: &Tenancy, run: &EmbeddingRun) -> Result<(), Trouble> {
    let name = name(ctx, run, run.job_ordinal);
    let Some(found) = time_boxed(jobs(ctx, run).get_opt(&name)).await? else {
        return make(ctx, tenancy, run, run.job_ordinal).await;
    };
    let Some(ended) = found.status.as_ref().and_then(ended) else {
        return Ok(());
    };
    let wait = REPLACE_SECONDS << run.job_failures.clamp(0, 6);
    if run.claimable && Timestamp::now().duration_since(ended).as_secs() >= wait {
        ctx.store.release_pods(run.id).await?;
        grant_after(ctx, tenancy, run, run.job_failures + 1).await?;
    }
    Ok(())
}

/// When a Job ended, either way.
fn ended(status: &JobStatus) -> Option<Timestamp> {
    let condition = status.conditions.iter().flatten().find(|condition| {
        condition.status == "True" && (condition.type_ == "Complete" || condition.type_ == "Failed")
    })?;
    Some(
        condition
            .last_transition_time
            .as_ref()
            .map_or(Timestamp::UNIX_EPOCH, |time| time.0),
    )
}

/// The first Job of a run.
pub async fn grant(ctx: &Context, tenancy: &Tenancy, run: &EmbeddingRun) -> Result<(), Trouble> {
    grant_after(ctx, tenancy, run, 0).await
}

async fn grant_after(
    ctx: &Context,
    tenancy: &Tenancy,
    run: &EmbeddingRun,
    failures: i32,
) -> Result<(), Trouble> {
    let Some(persona) = persona(ctx, run).await? else {
        return Ok(());
    };
    let budget = PodBudget {
        wanted: 1,
        persona: persona.spec.limits.concurrency,
        install: ctx.settings.workers.max_worker_pods,
    };
    match ctx.store.grant_pods(run.id, budget, failures).await? {
        Some(slot) => make(ctx, tenancy, run, slot.ordinal).await,
        // Pods of the persona work already; one of them may take the task.
        None => Ok(()),
    }
}

async fn persona(ctx: &Context, run: &EmbeddingRun) -> Result<Option<Persona>, kube::Error> {
    let personas = Api::<Persona>::namespaced(ctx.client.clone(), &run.namespace);
    time_boxed(personas.get_opt(&run.persona_name)).await
}

/// What cannot be made now gives its place back; the next round tries again, until the run's time is over.
async fn make(
    ctx: &Context,
    tenancy: &Tenancy,
    run: &EmbeddingRun,
    ordinal: i32,
) -> Result<(), Trouble> {
    if let Err(why) = try_to_make(ctx, tenancy, run, ordinal).await? {
        tracing::warn!(post = %run.post, persona = run.persona_name, why, "an edited post waits to be embedded");
        ctx.store.release_pods(run.id).await?;
    }
    Ok(())
}

async fn try_to_make(
    ctx: &Context,
    tenancy: &Tenancy,
    run: &EmbeddingRun,
    ordinal: i32,
) -> Result<Result<(), String>, Trouble> {
    let Some(persona) = persona(ctx, run).await? else {
        return Ok(Err("its Persona is gone".to_owned()));
    };
    let Some(revision) = ctx.store.revision_of_run(run.id).await? else {
        return Ok(Err("its task is gone".to_owned()));
    };
    if let Err(obstacle) = check_secrets(&ctx.client, &run.namespace, &revision).await? {
        return Ok(Err(obstacle.message));
    }
    let tenant = Tenant {
        install: ctx.settings.install.clone(),
        namespace: run.namespace.clone(),
        namespace_uid: run.namespace_uid,
    };
    let credentials = match tenancy.ensure_worker_credentials(&tenant).await {
        Ok(credentials) => credentials,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let built = build_job(&WorkerJob {
        settings: &WorkerSettings::of(&ctx.settings),
        namespace: &run.namespace,
        owner: persona.controller_owner_ref(&()),
        content_job: None,
        ttl_seconds: TTL_SECONDS,
        persona: &persona,
        persona_name: &run.persona_name,
        persona_uid: run.persona_uid,
        revision: &revision,
        queue: &run.queue,
        run: run.id,
        credentials_digest: &run.credentials_digest,
        credentials_secret: &credentials.secret_name,
        name: &name(ctx, run, ordinal),
        pods: 1,
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whole seconds until a deadline"
        )]
        seconds_left: run.seconds_left as i64,
    });
    match time_boxed(jobs(ctx, run).create(&PostParams::default(), &built)).await {
        Ok(_) => Ok(Ok(())),
        // An earlier attempt made it and did not live to see the answer (FAULTS 8, 10).
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Ok(())),
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 422) => {
            Ok(Err(status.message))
        }
        Err(error) => Err(error.into()),
    }
}
