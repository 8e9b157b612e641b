//! A namespace with personas, and finished jobs that were never run here: rows and status are copies of one real run's.

use crate::NAMESPACE;
use anyhow::{Context, Result};
use crds::{ConditionType, ContentJob, Persona, is_true};
use domain::names::{post_id, run_id, task_id};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use threads_e2e::{Cluster, manifests};
use uuid::Uuid;

pub const PERSONAS: usize = 100;
const PERSONA: &str = "maya";
const PATTERN: &str = "pattern";
/// Requests to the API server at a time.
const CONCURRENCY: usize = 16;

/// One persona that is ready, with all that it refers to.
pub async fn foundation(cluster: &Cluster) -> Result<()> {
    for manifest in manifests::foundation(PERSONA, "stand-in-writer") {
        cluster.apply(Some(NAMESPACE), &manifest).await?;
    }
    cluster
        .wait_for(NAMESPACE, PERSONA, "ready", |persona: &Persona| {
            let status = persona.status.as_ref();
            status.is_some_and(|status| is_true(&status.conditions, ConditionType::Ready))
        })
        .await
        .map(drop)
}

/// So many finished jobs, and the other personas.
pub async fn finished_jobs(cluster: &Cluster, count: usize) -> Result<()> {
    println!("seeding {PERSONAS} Personas and {count} finished ContentJobs");
    let pattern = finished_pattern(cluster).await?;
    scale_operator(cluster, 0).await?;
    stream::iter(1..PERSONAS)
        .map(|n| async move {
            let persona = manifests::persona(&format!("{PERSONA}-{n}"), "stand-in-writer");
            cluster.apply(Some(NAMESPACE), &persona).await
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<Vec<_>>()
        .await?;
    let jobs: Vec<Uuid> = stream::iter(0..count)
        .map(|n| finished_job(cluster, &pattern, n))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await?;
    copy_rows(cluster, &pattern, &jobs).await?;
    scale_operator(cluster, 1).await
}

/// A job of one post that really ran.
async fn finished_pattern(cluster: &Cluster) -> Result<ContentJob> {
    let job = manifests::job(PATTERN, PERSONA, 1);
    cluster.apply(Some(NAMESPACE), &job).await?;
    cluster
        .wait_for(NAMESPACE, PATTERN, "finished", |job: &ContentJob| {
            let status = job.status.as_ref();
            status.is_some_and(|status| is_true(&status.conditions, ConditionType::Finished))
        })
        .await
}

async fn finished_job(cluster: &Cluster, pattern: &ContentJob, n: usize) -> Result<Uuid> {
    let api: Api<ContentJob> = Api::namespaced(cluster.client.clone(), NAMESPACE);
    let mut job = ContentJob::new(&format!("done-{n}"), pattern.spec.clone());
    let made = api.create(&PostParams::default(), &job).await?;
    let uid = made.uid().context("uid")?.parse()?;
    job.metadata = made.metadata;
    job.status = pattern.status.clone();
    let status = json!({"status": job.status});
    api.patch_status(
        &job.name_any(),
        &PatchParams::default(),
        &Patch::Merge(&status),
    )
    .await?;
    Ok(uid)
}

/// The pattern's run, task and post under each job's own identity.
async fn copy_rows(cluster: &Cluster, pattern: &ContentJob, jobs: &[Uuid]) -> Result<()> {
    let uid: Uuid = pattern.uid().context("uid")?.parse()?;
    let (run, digest): (Uuid, String) =
        sqlx::query_as("SELECT id, spec_digest FROM content_runs WHERE job_uid = $1")
            .bind(uid)
            .fetch_one(&cluster.database)
            .await?;
    let runs: Vec<Uuid> = jobs.iter().map(|job| run_id(*job, "", &digest)).collect();
    let tasks: Vec<Uuid> = runs.iter().map(|run| task_id(*run, 0)).collect();
    let posts: Vec<Uuid> = tasks.iter().map(|task| post_id(*task)).collect();
    for (table, changes) in [
        (
            "content_runs",
            "jsonb_build_object('id', run, 'job_uid', job, 'name', 'done-' || (n - 1))",
        ),
        ("tasks", "jsonb_build_object('id', task, 'run_id', run)"),
        (
            "posts",
            "jsonb_build_object('id', post, 'run_id', run, 'task_id', task)",
        ),
    ] {
        let key = if table == "content_runs" {
            "id"
        } else {
            "run_id"
        };
        let statement = format!(
            "INSERT INTO {table} SELECT copy.* FROM {table} original,
                 unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[]) WITH ORDINALITY AS given (job, run, task, post, n),
                 LATERAL jsonb_populate_record(original, {changes}) copy WHERE original.{key} = $1"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(run)
            .bind(jobs)
            .bind(&runs)
            .bind(&tasks)
            .bind(&posts)
            .execute(&cluster.database)
            .await
            .with_context(|| format!("copying into {table}"))?;
    }
    Ok(())
}

async fn scale_operator(cluster: &Cluster, replicas: i32) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), "threads-system");
    let patch = json!({"spec": {"replicas": replicas}});
    api.patch(
        "threads-agent",
        &PatchParams::default(),
        &Patch::Merge(&patch),
    )
    .await?;
    cluster
        .eventually(&format!("{replicas} operators run"), async || {
            let status = api.get("threads-agent").await?.status.unwrap_or_default();
            let there = status.replicas.unwrap_or(0) == replicas
                && status.ready_replicas.unwrap_or(0) == replicas;
            Ok(there.then_some(()))
        })
        .await
}
