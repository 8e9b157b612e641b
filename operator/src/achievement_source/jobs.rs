//! Worker Jobs of sources, at most one of each kind at a time: one analyses records that wait, once their queue and collection stand;
//! the other reads the source's repositories when a backfill is due. `declared` has the Jobs of records of no source.

mod declared;
mod manifest;

use super::{
    observe,
    validate::{ValidatedSource, validate},
};
use crate::{
    context::Context,
    controller::time_boxed,
    loops::{note_store_failure, rest},
    tenancy::Tenancy,
};
use backends::{
    postgres::{
        StoreError,
        operator::{
            achievements::SourceWork,
            ledger::{Claim, Ownership, System},
        },
    },
    qdrant::{CollectionShape, Ensured},
};
use crds::AchievementSource;
use domain::names::{
    EmbeddingSpace, Tenant, achievement_job, achievements_collection, analysis_queue,
};
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use kube::{Api, Resource, api::PostParams};
use manifest::{SourceJob, Task, build};
use std::{sync::Arc, time::Duration};

/// Looks are at least this far apart.
const DEBOUNCE: Duration = Duration::from_millis(450);
/// The net under lost notifications. A look asks Postgres, and Kubernetes for Jobs that did not end.
const POLL: Duration = Duration::from_secs(60);
/// Before what did not work is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("Postgres: {0}")]
    Store(#[from] StoreError),
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// It is tried again with backoff.
    #[error("{0}")]
    Waits(String),
}

/// Makes and follows Jobs until the process drains.
pub async fn run(ctx: Arc<Context>, tenancy: Tenancy) {
    let mut declared = declared::Analyses::new(ctx.clone(), tenancy.clone());
    loop {
        let wait = if ctx.paused() {
            POLL
        } else {
            let worked = round(&ctx, &tenancy).await;
            let worked = declared.round().await && worked;
            until_next(&ctx, worked).await
        };
        tokio::time::sleep(DEBOUNCE).await;
        if !rest(&ctx, &ctx.process.signals.wakes.source_jobs, wait).await {
            return;
        }
    }
}

/// Whether everything worked, and nothing waits for a worker Pod.
async fn round(ctx: &Context, tenancy: &Tenancy) -> bool {
    let all = match ctx.store.source_work().await {
        Ok(all) => all,
        Err(error) => {
            note_store_failure(ctx, "source jobs", &error);
            return false;
        }
    };
    let mut worked = true;
    for work in all {
        worked &= attend(ctx, tenancy, &work).await;
    }
    worked
}

/// How long nothing will be due.
async fn until_next(ctx: &Context, worked: bool) -> Duration {
    let due = ctx.store.source_work_due().await.ok().flatten();
    let due = due.map_or(POLL, |seconds| Duration::from_secs_f64(seconds.max(0.0)));
    due.min(if worked { POLL } else { AGAIN })
}

async fn attend(ctx: &Context, tenancy: &Tenancy, work: &SourceWork) -> bool {
    let outcome = if work.granted {
        follow(ctx, tenancy, work).await.map(|()| true)
    } else {
        grant(ctx, tenancy, work).await
    };
    outcome.unwrap_or_else(|error| {
        tracing::warn!(source = work.name, namespace = work.namespace, kind = work.kind, %error, "a Job of a source waits");
        false
    })
}

/// A Job ended or was given up: sources and runs that waited for its place look again.
async fn settle(ctx: &Context, work: &SourceWork, failed: bool) -> Result<(), StoreError> {
    let signals = &ctx.process.signals;
    if let Some(next) = ctx.store.settle_source_job(work, failed).await? {
        signals.triggers.jobs.reconcile(&next.namespace, &next.name);
    }
    signals.wakes.source_jobs.notify_one();
    signals.wakes.sources.notify_one();
    Ok(())
}

/// False where no worker Pod is left.
async fn grant(ctx: &Context, tenancy: &Tenancy, work: &SourceWork) -> Result<bool, Trouble> {
    let limit = ctx.settings.workers.max_worker_pods;
    match ctx.store.grant_source_job(work, limit).await? {
        Some(ordinal) => {
            let granted = SourceWork {
                ordinal,
                ..work.clone()
            };
            make(ctx, tenancy, &granted).await.map(|()| true)
        }
        None => Ok(false),
    }
}

/// Makes a Job where a crash came between grant and Job; notes how one ended.
async fn follow(ctx: &Context, tenancy: &Tenancy, work: &SourceWork) -> Result<(), Trouble> {
    let api = Api::<Job>::namespaced(ctx.client.clone(), &work.namespace);
    let name = name_of(ctx, work);
    let Some(found) = time_boxed(api.get_opt(&name)).await? else {
        return make(ctx, tenancy, work).await;
    };
    if let Some(failed) = found.status.as_ref().and_then(failed) {
        settle(ctx, work, failed).await?;
    }
    Ok(())
}

/// Whether a Job that ended failed; none while it runs.
fn failed(status: &JobStatus) -> Option<bool> {
    let mut ended = status.conditions.iter().flatten();
    let condition =
        ended.find(|it| it.status == "True" && (it.type_ == "Complete" || it.type_ == "Failed"))?;
    Some(condition.type_ == "Failed")
}

fn name_of(ctx: &Context, work: &SourceWork) -> String {
    let install = &ctx.settings.install;
    achievement_job(
        install,
        &work.kind,
        &work.name,
        work.source_uid,
        work.ordinal,
    )
}

/// What cannot be made now gives its grant back, and waits.
async fn make(ctx: &Context, tenancy: &Tenancy, work: &SourceWork) -> Result<(), Trouble> {
    let made = try_to_make(ctx, tenancy, work).await;
    if matches!(made, Err(Trouble::Waits(_))) {
        settle(ctx, work, true).await?;
    }
    made
}

async fn try_to_make(ctx: &Context, tenancy: &Tenancy, work: &SourceWork) -> Result<(), Trouble> {
    let sources = Api::<AchievementSource>::namespaced(ctx.client.clone(), &work.namespace);
    let object = time_boxed(sources.get_opt(&work.name)).await?;
    let source = object.as_ref().and_then(|object| validate(object).ok());
    let (Some(object), Some(source)) = (object, source.filter(|it| it.uid == work.source_uid))
    else {
        return Err(Trouble::Waits("its resource is gone or invalid".into()));
    };
    if let Err(problem) = observe::check_secrets(&ctx.client, &source).await? {
        return Err(Trouble::Waits(problem.message));
    }
    let tenant = Tenant {
        install: ctx.settings.install.clone(),
        namespace: work.namespace.clone(),
        namespace_uid: work.namespace_uid,
    };
    let queue = analysis_queue(&tenant);
    let task = if work.kind == "backfill" {
        Task::Backfill
    } else {
        ensure_queue(ctx, &tenant, &queue).await?;
        ensure_collection(ctx, &tenant, work, &source).await?;
        Task::Analyse
    };
    let credentials = tenancy.ensure_worker_credentials(&tenant).await;
    let credentials = credentials.map_err(|error| Trouble::Waits(error.to_string()))?;
    let job = build(&SourceJob {
        task,
        install: &ctx.settings.install,
        image: &ctx.settings.workers.worker_image,
        image_pull_policy: &ctx.settings.workers.worker_image_pull_policy,
        namespace: &work.namespace,
        owner: object.controller_owner_ref(&()),
        name: &name_of(ctx, work),
        source: Some(&source),
        queue: &queue,
        credentials_digest: &work.credentials_digest,
        credentials_secret: &credentials.secret_name,
    });
    create(ctx, &work.namespace, &job).await
}

async fn create(ctx: &Context, namespace: &str, job: &Job) -> Result<(), Trouble> {
    let api = Api::<Job>::namespaced(ctx.client.clone(), namespace);
    match time_boxed(api.create(&PostParams::default(), job)).await {
        Ok(_) => Ok(()),
        // An earlier attempt made it and did not live to see the answer (FAULTS 8, 10).
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(kube::Error::Api(status)) if status.code < 500 => Err(Trouble::Waits(status.message)),
        Err(error) => Err(error.into()),
    }
}

/// Queue and collection belong to the namespace: they stay when a source goes, as the records do.
async fn claim(ctx: &Context, tenant: &Tenant, system: System, name: &str) -> Result<(), Trouble> {
    let claim = claim_of(tenant, system, name);
    match ctx.store.claim_name(&claim).await? {
        Ownership::Other { owner, .. } => Err(Trouble::Waits(format!(
            "{name} belongs to {owner}, which had it first"
        ))),
        Ownership::Free | Ownership::Own { .. } => Ok(()),
    }
}

fn claim_of<'a>(tenant: &'a Tenant, system: System, name: &'a str) -> Claim<'a> {
    Claim {
        system,
        name,
        namespace: &tenant.namespace,
        owner: tenant.namespace_uid,
    }
}

async fn ensure_queue(ctx: &Context, tenant: &Tenant, queue: &str) -> Result<(), Trouble> {
    claim(ctx, tenant, System::RabbitMq, queue).await?;
    let topology = &ctx.broker.topology;
    let made = async {
        topology.ensure_exchanges().await?;
        topology.ensure_work_queue(queue).await
    };
    made.await
        .map_err(|error| Trouble::Waits(format!("RabbitMQ: {error}")))?;
    let claim = claim_of(tenant, System::RabbitMq, queue);
    Ok(ctx.store.mark_made(&claim, false).await?)
}

async fn ensure_collection(
    ctx: &Context,
    tenant: &Tenant,
    work: &SourceWork,
    source: &ValidatedSource,
) -> Result<(), Trouble> {
    let Some(embedding) = &source.settings.embedding else {
        if work.collection.is_some() {
            ctx.store.set_source_collection(source.uid, None).await?;
        }
        return Ok(());
    };
    let name = achievements_collection(
        tenant,
        &EmbeddingSpace {
            model: embedding.model.clone(),
            dimensions: embedding.dimensions,
            distance: "Cosine".to_owned(),
        },
    );
    claim(ctx, tenant, System::Qdrant, &name).await?;
    let shape = CollectionShape::cosine(u64::from(embedding.dimensions));
    match ctx.vectors.ensure(&name, &shape).await {
        Ok(Ensured::Created | Ensured::Matches(_)) => {}
        Ok(Ensured::Differs(_)) => {
            return Err(Trouble::Waits(format!(
                "collection {name} has other settings"
            )));
        }
        Err(error) => return Err(Trouble::Waits(format!("Qdrant: {error}"))),
    }
    let claim = claim_of(tenant, System::Qdrant, &name);
    ctx.store.mark_made(&claim, false).await?;
    if work.collection.as_ref() != Some(&name) {
        let stands = Some((name.as_str(), embedding.model.as_str()));
        ctx.store.set_source_collection(source.uid, stands).await?;
    }
    Ok(())
}
