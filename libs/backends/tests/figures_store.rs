//! Figures for metrics and dashboards on a real Postgres: what was committed is counted once and for ever, and Grafana's role sees its
//! views and nothing else.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::figures::Total;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::collections::HashMap;
use support::{World, post_for, request};

async fn totals(world: &World) -> HashMap<String, i64> {
    let name = |total: Total| [total.metric, total.first, total.second].join(" ");
    let totals = world.store.totals().await.unwrap();
    totals
        .into_iter()
        .map(|(total, amount)| (name(total).trim_end().to_owned(), amount))
        .collect()
}

/// One task of `job` is done, by a worker of its namespace.
async fn one_post(world: &World, job: &str) {
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, job, 2, 50).await;
    let worker = world.worker(&tenant).await;
    let task = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    let queried_at = worker.now().await.unwrap();
    let post = post_for(&task, vec![1.0, 0.0, 0.0], queried_at);
    worker.complete(&task, &post, false).await.unwrap();
}

async fn root(world: &World) -> PgConnection {
    PgConnection::connect(&world.database.superuser_url)
        .await
        .unwrap()
}

#[tokio::test]
async fn committed_work_is_counted_once_and_stays_counted() {
    let Some(world) = World::create().await else {
        return;
    };
    assert!(totals(&world).await.is_empty());
    one_post(&world, "launch").await;
    let counted = totals(&world).await;
    assert_eq!(counted["tasks_finished completed"], 1);
    assert_eq!(
        counted
            .keys()
            .filter(|name| name.starts_with("posts"))
            .count(),
        1
    );
    let attempts = counted
        .iter()
        .find(|(name, _)| name.starts_with("model_attempts"));
    assert!(attempts.is_some_and(|(name, amount)| name.ends_with(" exact") && *amount == 1));
    // Asked again, nothing is counted twice; and a purge takes nothing back.
    assert_eq!(totals(&world).await, counted);
    let mut root = root(&world).await;
    root.execute("DELETE FROM usage; DELETE FROM posts")
        .await
        .unwrap();
    assert_eq!(totals(&world).await, counted);
    one_post(&world, "second").await;
    assert_eq!(totals(&world).await["tasks_finished completed"], 2);
}

/// Two transactions that add to one total do not wait for each other: each adds a row of its own.
#[tokio::test]
async fn counting_makes_nobody_wait() {
    let Some(world) = World::create().await else {
        return;
    };
    one_post(&world, "launch").await;
    let mut root = root(&world).await;
    let mut open = root.begin().await.unwrap();
    open.execute("UPDATE tasks SET status = 'cancelled' WHERE status = 'queued'")
        .await
        .unwrap();
    // What is open is not counted, and does not keep the rest from being counted.
    assert!(
        !totals(&world)
            .await
            .contains_key("tasks_finished cancelled")
    );
    one_post(&world, "second").await;
    assert_eq!(totals(&world).await["tasks_finished completed"], 2);
    open.commit().await.unwrap();
    assert_eq!(totals(&world).await["tasks_finished cancelled"], 1);
}

#[tokio::test]
async fn gauges_tell_what_waits_and_what_is_left_of_budgets() {
    let Some(world) = World::create().await else {
        return;
    };
    one_post(&world, "launch").await;
    let waiting = world.store.queue_figures().await.unwrap();
    assert_eq!((waiting.queued, waiting.processing), (1, 0));
    assert_eq!(
        (waiting.analyses_queued, waiting.analyses_oldest_seconds),
        (0, 0)
    );
    let resources = world.store.resource_figures().await.unwrap();
    assert_eq!((resources.active, resources.budget_spent), (1, 0));
    let mut root = root(&world).await;
    root.execute(
        "UPDATE personas SET tokens_per_day = 10;
         INSERT INTO token_days (persona_uid, day, namespace, reserved, spent)
         SELECT uid, (now() AT TIME ZONE 'UTC')::date, namespace, 4, 6 FROM personas
         ON CONFLICT (persona_uid, day) DO UPDATE SET reserved = 4, spent = 6",
    )
    .await
    .unwrap();
    let resources = world.store.resource_figures().await.unwrap();
    assert_eq!((resources.active, resources.budget_spent), (0, 1));
    assert_eq!(
        (
            resources.tokens_limit,
            resources.tokens_spent,
            resources.tokens_reserved
        ),
        (10, 6, 4)
    );
}

#[tokio::test]
async fn grafana_sees_its_views_and_nothing_else() {
    let Some(world) = World::create().await else {
        return;
    };
    one_post(&world, "launch").await;
    let mut root = root(&world).await;
    let relations: Vec<(String, String)> = sqlx::query_as(
        "SELECT schemaname::text, relname FROM (SELECT schemaname, viewname::text AS relname FROM pg_views
             UNION SELECT schemaname, tablename::text FROM pg_tables
             UNION SELECT schemaname, matviewname::text FROM pg_matviews) all_of_them
         WHERE schemaname IN ('public', 'grafana')",
    )
    .fetch_all(&mut root)
    .await
    .unwrap();
    let role = format!("SET ROLE {}_grafana", world.database.install);
    root.execute(AssertSqlSafe(role)).await.unwrap();
    let mut views = 0;
    for (schema, name) in relations {
        let read = root
            .execute(AssertSqlSafe(format!("SELECT * FROM {schema}.{name}")))
            .await;
        assert_eq!(
            read.is_ok(),
            schema == "grafana",
            "{schema}.{name}: {read:?}"
        );
        if schema == "grafana" {
            views += 1;
            let delete = format!("DELETE FROM {schema}.{name}");
            assert!(root.execute(AssertSqlSafe(delete)).await.is_err(), "{name}");
        }
    }
    assert_eq!(views, 12);
    let posts: i64 = sqlx::query_scalar("SELECT posts_7d FROM grafana.personas")
        .fetch_one(&mut root)
        .await
        .unwrap();
    assert_eq!(posts, 1);
}
