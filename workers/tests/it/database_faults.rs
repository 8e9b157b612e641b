//! A database that breaks connections, and a worker that dies while it holds a task.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, Silence, database::World, persona};
use domain::names;
use sqlx::AssertSqlSafe;
use std::sync::Arc;
use worker::attempt::Ended;

async fn count(world: &World, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
        .fetch_one(world.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn faults_23_connections_that_die_at_every_call_lose_and_double_nothing() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 4).await;
    let bench = Bench::new([]);
    let (kill, pool) = (Arc::new(tokio::sync::Notify::new()), world.pool().clone());
    let (asked, killed) = (kill.clone(), Arc::new(tokio::sync::Notify::new()));
    let done = killed.clone();
    let killer = tokio::spawn(async move {
        loop {
            asked.notified().await;
            sqlx::query("SELECT end_workers()")
                .execute(&pool)
                .await
                .unwrap();
            done.notify_one();
        }
    });
    // Ending another role's backends takes its superuser's right, which this one function lends the operator.
    let superuser = sqlx::PgPool::connect(&world.database.superuser_url)
        .await
        .unwrap();
    let login = names::worker_login(world.tenant(), names::Slot::A);
    for statement in [
        format!(
            "CREATE FUNCTION end_workers() RETURNS bigint LANGUAGE sql SECURITY DEFINER
             AS $$ SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{login}' $$"
        ),
        "GRANT EXECUTE ON FUNCTION end_workers() TO PUBLIC".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&superuser).await.unwrap();
    }
    let mut worker = world.worker(&bench, run);
    worker.ports.embedder = Arc::new(KillingEmbedder {
        inner: bench.embedder.clone(),
        kill,
        killed,
    });
    worker.consume(&mut Silence).await.unwrap();
    killer.abort();
    assert_eq!(count(&world, "posts").await, 4);
    assert_eq!(
        count(
            &world,
            "tasks WHERE status = 'completed' AND retry_count = 0"
        )
        .await,
        4
    );
    assert_eq!(count(&world, "usage").await, 4);
}

/// Ends the worker's connections just before its commit.
struct KillingEmbedder {
    inner: Arc<crate::support::HashEmbedder>,
    kill: Arc<tokio::sync::Notify>,
    killed: Arc<tokio::sync::Notify>,
}

#[async_trait::async_trait]
impl worker::ports::Embedder for KillingEmbedder {
    async fn embed(
        &self,
        settings: &domain::revision::EndpointSettings,
        dimensions: u32,
        text: &str,
    ) -> Result<worker::ports::Embedding, domain::tasks::TaskFailure> {
        self.kill.notify_one();
        self.killed.notified().await;
        self.inner.embed(settings, dimensions, text).await
    }
}

#[tokio::test]
async fn faults_34_a_task_of_a_dead_worker_is_written_as_it_would_have_been() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    let bench = Bench::new([]);
    let dead = world.worker(&bench, run);
    let stale = dead.tasks.claim().await.unwrap().unwrap();
    // What the operator's sweep does when the lease runs out.
    sqlx::query("UPDATE tasks SET status = 'queued', lease_token = NULL, lease_until = NULL, system_failures = 1")
        .execute(world.pool())
        .await
        .unwrap();
    world
        .worker(&bench, run)
        .consume(&mut Silence)
        .await
        .unwrap();
    let hook: String = sqlx::query_scalar("SELECT hook FROM posts")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(
        dead.attempt(&stale).await,
        Ended::Abandoned,
        "the dead worker comes back and may not commit"
    );
    assert_eq!(count(&world, "posts").await, 1);
    assert_eq!(
        bench.model.asked()[0],
        bench.model.asked()[2],
        "both asked the model for the same text"
    );
    assert_eq!(
        sqlx::query_scalar::<_, String>("SELECT hook FROM posts")
            .fetch_one(world.pool())
            .await
            .unwrap(),
        hook
    );
}
