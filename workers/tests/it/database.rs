//! The same loop over the real rows. Skipped, with a line that says so, where no Postgres is offered.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, MemoryIndex, Silence, completion, database::World, persona};
use domain::{names, revision::DedupAction};
use sqlx::{AssertSqlSafe, Row};
use std::sync::Arc;
use uuid::Uuid;
use worker::{attempt::Ended, consume::Exit};

async fn count(world: &World, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
        .fetch_one(world.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_becomes_posts_points_trajectories_and_exact_usage() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 5).await;
    let bench = Bench::new([]);
    assert_eq!(
        world
            .worker(&bench, run)
            .consume(&mut Silence)
            .await
            .unwrap(),
        Exit::RunClosed
    );
    assert_eq!(count(&world, "tasks WHERE status = 'completed'").await, 5);
    assert_eq!(count(&world, "posts WHERE point_version = embedding_version AND length(hook) > 0 AND length(body) > 0").await, 5);
    assert_eq!(count(&world, "emotion_trajectories").await, 5);
    assert_eq!(count(&world, "usage WHERE prompt_tokens = 20 AND completion_tokens = 10 AND embedding_tokens = 7 AND NOT estimated").await, 5);
    let row = sqlx::query("SELECT tokens_reserved, tokens_spent FROM content_runs")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (0, 5 * 37));
    let mut ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM posts")
        .fetch_all(world.pool())
        .await
        .unwrap();
    let mut points: Vec<Uuid> = bench.index.points().iter().map(|point| point.id).collect();
    let mut named: Vec<Uuid> = (0..5)
        .map(|index| names::post_id(names::task_id(run, index)))
        .collect();
    ids.sort();
    points.sort();
    named.sort();
    assert_eq!((&ids, &points), (&named, &named));
}

#[tokio::test]
async fn faults_36_workers_that_race_write_each_post_once() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 24).await;
    let bench = Bench::new([]);
    let workers: Vec<_> = (0..3).map(|_| world.worker(&bench, run)).collect();
    let exits = futures::future::join_all(
        workers
            .iter()
            .map(|worker| async { worker.consume(&mut Silence).await }),
    )
    .await;
    assert!(
        exits
            .into_iter()
            .all(|exit| exit.unwrap() == Exit::RunClosed)
    );
    assert_eq!(count(&world, "posts").await, 24);
    assert_eq!(
        count(&world, "tasks WHERE claims = 1 AND status = 'completed'").await,
        24
    );
    assert_eq!(bench.model.asked().len(), 48);
}

#[tokio::test]
async fn faults_29_twins_are_found_by_the_commit_while_the_index_is_down() {
    let mut reject = persona();
    reject.gates.dedup.action = DedupAction::Reject;
    let Some(world) = World::create(reject).await else {
        return;
    };
    let run = world.run("generate", 3).await;
    let bench = Bench::new([]);
    bench
        .model
        .answer(|_| Ok(completion("The very same words.")));
    bench.index.set_down(true);
    world
        .worker(&bench, run)
        .consume(&mut Silence)
        .await
        .unwrap();
    assert_eq!(count(&world, "posts").await, 1);
    assert_eq!(
        count(
            &world,
            "tasks WHERE status = 'rejected' AND error_code = 'Duplicate'"
        )
        .await,
        2
    );
    assert_eq!(
        count(&world, "posts WHERE point_version < embedding_version").await,
        1,
        "left to the sweep"
    );
}

#[tokio::test]
async fn two_posts_that_are_written_at_once_are_compared_at_the_commit() {
    let mut reject = persona();
    reject.gates.dedup.action = DedupAction::Reject;
    let Some(world) = World::create(reject).await else {
        return;
    };
    let run = world.run("generate", 2).await;
    let bench = Bench::new([]);
    bench
        .model
        .answer(|_| Ok(completion("The very same words.")));
    // Two workers, each of which sees an index without the other's point.
    let (mut one, mut other) = (world.worker(&bench, run), world.worker(&bench, run));
    one.ports.index = Arc::new(MemoryIndex::new(Default::default()));
    other.ports.index = Arc::new(MemoryIndex::new(Default::default()));
    let (first, second) = (
        one.tasks.claim().await.unwrap().unwrap(),
        other.tasks.claim().await.unwrap().unwrap(),
    );
    let ended = tokio::join!(one.attempt(&first), other.attempt(&second));
    assert!(
        matches!(
            ended,
            (Ended::Committed, Ended::Rejected) | (Ended::Rejected, Ended::Committed)
        ),
        "{ended:?}"
    );
    assert_eq!(count(&world, "posts").await, 1);
}

#[tokio::test]
async fn a_task_that_is_given_back_is_uncharged_and_claimable_at_once() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    let bench = Bench::new([]);
    let worker = world.worker(&bench, run);
    let task = worker.tasks.claim().await.unwrap().unwrap();
    bench.stop.request();
    assert_eq!(worker.attempt(&task).await, Ended::Released);
    assert_eq!(
        count(
            &world,
            "tasks WHERE status = 'queued' AND retry_count = 0 AND not_before <= now()"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn a_plan_is_stored_with_the_run_and_nowhere_else() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("plan", 1).await;
    let bench = Bench::new([]);
    world
        .worker(&bench, run)
        .consume(&mut Silence)
        .await
        .unwrap();
    let plan: serde_json::Value = sqlx::query_scalar("SELECT plan FROM content_runs")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(plan["promptDigest"].as_str().map(str::len), Some(64));
    assert_eq!(plan["nearest"], serde_json::json!([]));
    assert_eq!(
        (count(&world, "posts").await, count(&world, "usage").await),
        (0, 1)
    );
}

#[tokio::test]
async fn a_worker_whose_login_was_retired_leaves() {
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    sqlx::query("SELECT retire_worker_login(login) FROM worker_logins")
        .execute(world.pool())
        .await
        .unwrap();
    let superuser = sqlx::PgPool::connect(&world.database.superuser_url)
        .await
        .unwrap();
    let login = names::worker_login(world.tenant(), names::Slot::A);
    sqlx::query(AssertSqlSafe(format!(
        "ALTER ROLE \"{login}\" LOGIN PASSWORD 'a-password-of-more-than-24-characters'"
    )))
    .execute(&superuser)
    .await
    .unwrap();
    let bench = Bench::new([]);
    assert_eq!(
        world
            .worker(&bench, run)
            .consume(&mut Silence)
            .await
            .unwrap(),
        Exit::RunClosed
    );
    assert_eq!(count(&world, "posts").await, 0);
}
