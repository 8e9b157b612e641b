//! The outbox on a real Postgres: what is sent, what waits, what is seen.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::operator::{
    OperatorStore,
    outbox::Refused,
    progress::{Heard, Listener},
};
use std::time::Duration;
use support::World;
use tokio::time::timeout;

async fn run_sql(store: &OperatorStore, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(store.pool())
        .await
        .unwrap();
}

/// FAULTS 28: a row that commits after a younger one was sent is sent as well.
#[tokio::test]
async fn rows_that_commit_out_of_order_are_all_seen() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    world.run(&tenant, "launch", 2, 50).await;
    const INSERT: &str = "INSERT INTO outbox (namespace, type, task_id, attempt)
        SELECT namespace, 'content.generation', id, 0 FROM tasks WHERE index = $1 RETURNING id";
    let mut slow = world.store.begin().await.unwrap();
    let older: i64 = sqlx::query_scalar(INSERT)
        .bind(0)
        .fetch_one(&mut *slow)
        .await
        .unwrap();
    let mut quick = world.store.begin().await.unwrap();
    let younger: i64 = sqlx::query_scalar(INSERT)
        .bind(1)
        .fetch_one(&mut *quick)
        .await
        .unwrap();
    quick.commit().await.unwrap();
    assert!(older < younger);

    let first: Vec<i64> = world
        .store
        .unsent_messages(10, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(first, [younger]);
    world.store.settle_messages(&first, &[]).await.unwrap();
    slow.commit().await.unwrap();
    let second: Vec<i64> = world
        .store
        .unsent_messages(10, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(second, [older]);
}

/// FAULTS 23: a settlement that is repeated, because nobody knows whether it was committed, changes nothing further.
#[tokio::test]
async fn settling_twice_is_settling_once() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    world.run(&tenant, "launch", 3, 50).await;
    world.store.sweep().await.unwrap();
    let ids: Vec<i64> = world
        .store
        .unsent_messages(10, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    world.store.settle_messages(&ids, &[]).await.unwrap();
    world.store.settle_messages(&ids, &[]).await.unwrap();
    let sent: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL")
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    assert_eq!(sent, 3);
    assert!(
        world
            .store
            .unsent_messages(10, &[])
            .await
            .unwrap()
            .is_empty()
    );
}

/// FAULTS 16: a message without a queue stays, says why, waits longer each time, and holds no other back.
#[tokio::test]
async fn a_refused_message_waits_and_the_others_pass_it() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    let run = world.run(&tenant, "launch", 2, 50).await;
    world.store.sweep().await.unwrap();
    let rows = world.store.unsent_messages(10, &[]).await.unwrap();
    let refused = Refused {
        id: rows[0].id,
        error: "no queue takes the routing key: q".into(),
    };
    world
        .store
        .settle_messages(&[], std::slice::from_ref(&refused))
        .await
        .unwrap();
    let left = world.store.unsent_messages(10, &[]).await.unwrap();
    assert_eq!(
        left.iter().map(|row| row.id).collect::<Vec<_>>(),
        [rows[1].id]
    );
    assert!(
        world
            .store
            .refused_reason(run.persona)
            .await
            .unwrap()
            .unwrap()
            .contains("no queue")
    );
    let first = world.store.next_refused_seconds().await.unwrap();
    assert!(
        first.is_some(),
        "one of the two may be sent now, the other soon"
    );

    run_sql(&world.store, "UPDATE outbox SET not_before = now()").await;
    for _ in 0..8 {
        world
            .store
            .settle_messages(&[], std::slice::from_ref(&refused))
            .await
            .unwrap();
    }
    let wait: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM not_before - now())::double precision FROM outbox WHERE error IS NOT NULL",
    )
    .fetch_one(world.store.pool())
    .await
    .unwrap();
    assert!((15.0..=20.0).contains(&wait), "{wait}");

    world
        .store
        .settle_messages(&[refused.id], &[])
        .await
        .unwrap();
    assert_eq!(world.store.refused_reason(run.persona).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_writes_into_the_outbox_wakes_the_relay() {
    let Some(world) = World::create().await else {
        return;
    };
    let mut listener = Listener::connect(&world.database.operator_url)
        .await
        .unwrap();
    let tenant = world.tenant("a");
    world.run(&tenant, "launch", 1, 50).await;
    world.store.sweep().await.unwrap();
    let heard = timeout(Duration::from_secs(10), listener.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(heard, Heard::Outbox);
}

#[tokio::test]
async fn a_mark_changes_with_the_tasks_of_its_run_and_ends_with_it() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    world.run(&tenant, "launch", 2, 50).await;
    let mark = async || world.store.run_marks().await.unwrap().remove(0);
    let first = mark().await;
    assert_eq!(first.name, "launch");
    assert_eq!(first, mark().await);
    let mut seen = vec![first];
    for change in [
        "UPDATE tasks SET status = 'parked' WHERE index = 0",
        "UPDATE tasks SET retry_count = 1 WHERE index = 1",
        "INSERT INTO outbox (namespace, type, task_id, attempt) SELECT namespace, 'content.generation', id, 0 FROM tasks WHERE index = 1",
        "UPDATE outbox SET error = 'no queue'",
        "UPDATE outbox SET sent_at = now()",
        "UPDATE content_runs SET suspended = true",
    ] {
        run_sql(&world.store, change).await;
        let next = mark().await;
        assert!(
            !seen[seen.len() - 1..].contains(&next),
            "not seen: {change}"
        );
        seen.push(next);
    }
    run_sql(&world.store, "UPDATE content_runs SET finished_at = now()").await;
    assert!(world.store.run_marks().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_figures_count_what_waits() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("a");
    world.run(&tenant, "launch", 4, 50).await;
    world.store.sweep().await.unwrap();
    run_sql(
        &world.store,
        "UPDATE tasks SET status = 'parked' WHERE index = 3",
    )
    .await;
    let figures = world.store.queue_figures().await.unwrap();
    assert_eq!(
        (
            figures.queued,
            figures.parked,
            figures.processing,
            figures.unsent
        ),
        (3, 1, 0, 4)
    );
}
