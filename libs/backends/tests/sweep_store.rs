//! The sweep's decisions on a real Postgres.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{ErrorClass, StoreError, operator::sweep::SYSTEM_FAILURES_MAX};
use domain::{names::task_id, tasks::TokenUsage};
use support::{Run, World, request};

struct Scene {
    world: World,
    run: Run,
}

impl Scene {
    /// A run of `count` queued tasks of 1,000 reserved tokens each, none with a message yet.
    async fn create(count: i32) -> Option<Self> {
        let world = World::create().await?;
        let tenant = world.tenant("a");
        let run = world.run(&tenant, "launch", count, 50).await;
        let scene = Self { world, run };
        scene
            .sql(&format!(
                "INSERT INTO token_days (persona_uid, day, namespace, reserved) VALUES ('{}', current_date, 'a', {})",
                scene.run.persona,
                i64::from(count) * 1000
            ))
            .await;
        Some(scene)
    }

    async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(self.world.store.pool())
            .await
            .unwrap();
    }

    async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    async fn text(&self, query: &'static str) -> Option<String> {
        sqlx::query_scalar(query)
            .fetch_one(self.world.store.pool())
            .await
            .unwrap()
    }

    async fn claim(&self) -> bool {
        let worker = self.world.worker(&self.run.tenant).await;
        worker
            .claim(&request(self.run.persona))
            .await
            .unwrap()
            .is_some()
    }

    async fn expire(&self) {
        self.sql("UPDATE tasks SET lease_until = now() - interval '1 second' WHERE status = 'processing'")
            .await;
    }

    async fn no_wait(&self) {
        self.sql(
            "UPDATE tasks SET not_before = now() - interval '1 second' WHERE status = 'queued'",
        )
        .await;
    }
}

#[tokio::test]
async fn each_claimable_task_gets_one_message_a_claim() {
    let Some(scene) = Scene::create(3).await else {
        return;
    };
    let store = &scene.world.store;
    assert!(store.next_due().await.unwrap().sweep_seconds.unwrap() <= 0.0);
    assert_eq!(store.sweep().await.unwrap().woken, 3);
    assert_eq!(
        store.sweep().await.unwrap().woken,
        0,
        "a message was written twice"
    );
    let due = store.next_due().await.unwrap();
    assert!(
        due.sweep_seconds.unwrap() > 3000.0,
        "only the deadline is left: {due:?}"
    );

    assert!(scene.claim().await);
    scene.expire().await;
    let swept = store.sweep().await.unwrap();
    assert_eq!(
        (swept.expired, swept.woken),
        (1, 0),
        "it waits before its next attempt"
    );
    let due = store.next_due().await.unwrap().sweep_seconds.unwrap();
    assert!(due > 0.0 && due <= 1.0, "{due}");
    scene.no_wait().await;
    assert_eq!(store.sweep().await.unwrap().woken, 1);
    assert_eq!(scene.number("SELECT count(*) FROM outbox").await, 4);
}

/// FAULTS 34: a lost worker is no attempt; what it may have spent is charged at the reservation, as an estimate.
#[tokio::test]
async fn a_lost_worker_is_charged_and_its_task_goes_on() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    let store = &scene.world.store;
    assert!(scene.claim().await);
    assert_eq!(
        store.sweep().await.unwrap().expired,
        0,
        "the lease still holds"
    );
    scene.expire().await;
    assert!(store.next_due().await.unwrap().sweep_seconds.unwrap() <= 0.0);
    assert_eq!(store.sweep().await.unwrap().expired, 1);

    assert_eq!(
        scene.text("SELECT status FROM tasks").await.as_deref(),
        Some("queued")
    );
    assert_eq!(
        scene.number("SELECT retry_count::bigint FROM tasks").await,
        0
    );
    assert_eq!(
        scene
            .number("SELECT system_failures::bigint FROM tasks")
            .await,
        1
    );
    assert_eq!(
        scene
            .number("SELECT prompt_tokens FROM usage WHERE estimated")
            .await,
        1000
    );
    assert_eq!(
        scene.number("SELECT tokens_spent FROM content_runs").await,
        1000
    );
    assert_eq!(
        scene
            .number("SELECT tokens_reserved FROM content_runs")
            .await,
        1000,
        "the next attempt keeps it"
    );
    assert_eq!(scene.number("SELECT spent FROM token_days").await, 1000);
    assert_eq!(scene.number("SELECT reserved FROM token_days").await, 1000);
    assert_eq!(store.sweep().await.unwrap().expired, 0, "charged once");
}

#[tokio::test]
async fn a_task_that_keeps_losing_its_worker_fails_and_gives_its_reservation_back() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    for failure in 1..=SYSTEM_FAILURES_MAX {
        assert!(scene.claim().await, "attempt {failure}");
        scene.expire().await;
        let swept = scene.world.store.sweep().await.unwrap();
        assert_eq!(
            swept.system_failed,
            u64::from(failure == SYSTEM_FAILURES_MAX)
        );
        scene.no_wait().await;
    }
    let ended = scene
        .text("SELECT concat_ws(' ', status, error_class, error_code) FROM tasks")
        .await;
    assert_eq!(ended.as_deref(), Some("failed bug SystemFailures"));
    assert_eq!(
        scene
            .text("SELECT last_error ->> 'code' FROM content_runs")
            .await
            .as_deref(),
        Some("SystemFailures")
    );
    assert_eq!(
        scene
            .number("SELECT count(*) FROM usage WHERE estimated")
            .await,
        5
    );
    assert_eq!(
        scene
            .number("SELECT tokens_reserved FROM content_runs")
            .await,
        0
    );
    assert_eq!(scene.number("SELECT reserved FROM token_days").await, 0);
    assert_eq!(scene.number("SELECT spent FROM token_days").await, 5000);
}

/// FAULTS 36: the worker that comes back after its lease was given away changes nothing.
#[tokio::test]
async fn a_worker_whose_lease_was_taken_back_cannot_give_its_task_back() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    let worker = scene.world.worker(&scene.run.tenant).await;
    let claimed = worker
        .claim(&request(scene.run.persona))
        .await
        .unwrap()
        .unwrap();
    scene.expire().await;
    scene.world.store.sweep().await.unwrap();
    let late = worker
        .release(&claimed, "m", &TokenUsage::default())
        .await
        .unwrap_err();
    assert!(matches!(late, StoreError::LeaseLost), "{late}");
}

#[tokio::test]
async fn past_the_deadline_what_nobody_works_on_fails_and_frees_its_tokens() {
    let Some(scene) = Scene::create(3).await else {
        return;
    };
    let store = &scene.world.store;
    assert!(scene.claim().await);
    assert_eq!(store.sweep().await.unwrap().woken, 2);
    scene
        .sql("UPDATE content_runs SET deadline_at = now() - interval '1 second'")
        .await;
    assert_eq!(store.sweep().await.unwrap().past_deadline, 2);
    assert_eq!(
        scene.number("SELECT count(*) FROM tasks WHERE status = 'failed' AND error_code = 'DeadlineExceeded'").await,
        2
    );
    assert_eq!(
        scene
            .number("SELECT count(*) FROM tasks WHERE status = 'processing'")
            .await,
        1
    );
    assert_eq!(
        scene
            .number("SELECT tokens_reserved FROM content_runs")
            .await,
        1000
    );
    assert_eq!(scene.number("SELECT reserved FROM token_days").await, 1000);
    assert_eq!(
        scene
            .number("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
            .await,
        0,
        "messages that would wake nobody"
    );
}

#[tokio::test]
async fn what_a_worker_gives_back_of_a_cancelled_run_is_cancelled() {
    let Some(scene) = Scene::create(2).await else {
        return;
    };
    let store = &scene.world.store;
    assert!(scene.claim().await);
    store.cancel_run(scene.run.run).await.unwrap();
    scene.expire().await;
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.expired, swept.woken), (1, 0));
    assert_eq!(
        scene
            .number("SELECT count(*) FROM tasks WHERE status = 'cancelled'")
            .await,
        2
    );
    assert_eq!(
        scene
            .number("SELECT tokens_reserved FROM content_runs")
            .await,
        0
    );
    assert_eq!(
        scene.number("SELECT spent FROM token_days").await,
        1000,
        "the lost attempt was paid for"
    );
}

#[tokio::test]
async fn messages_nobody_acted_upon_are_found_and_sent_again() {
    let Some(scene) = Scene::create(2).await else {
        return;
    };
    let store = &scene.world.store;
    store.sweep().await.unwrap();
    let messages = store.unsent_messages(10, &[]).await.unwrap();
    let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
    store.settle_messages(&ids, &[]).await.unwrap();
    assert!(
        store.unclaimed_queues().await.unwrap().is_empty(),
        "it is too early"
    );
    scene
        .sql("UPDATE outbox SET sent_at = now() - interval '31 seconds'")
        .await;
    scene
        .sql("UPDATE tasks SET not_before = now() - interval '31 seconds'")
        .await;
    assert!(store.next_due().await.unwrap().unclaimed_seconds.unwrap() <= 0.0);

    assert!(
        scene.claim().await,
        "what was claimed has nothing to be sent again"
    );
    let unclaimed = store.unclaimed_queues().await.unwrap();
    assert_eq!(unclaimed.len(), 1);
    assert_eq!((unclaimed[0].queue.as_str(), unclaimed[0].tasks), ("q", 1));
    assert_eq!(store.send_again(scene.run.persona).await.unwrap(), 1);
    assert_eq!(store.unsent_messages(10, &[]).await.unwrap().len(), 1);
    assert!(store.unclaimed_queues().await.unwrap().is_empty());
}

#[tokio::test]
async fn suspended_and_paused_work_is_not_woken_until_it_goes_on() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    let store = &scene.world.store;
    assert!(store.set_paused(true).await.unwrap());
    assert!(!store.set_paused(true).await.unwrap(), "it was on already");
    assert_eq!(store.sweep().await.unwrap().woken, 0);
    assert!(!scene.claim().await, "claims obey the switch");
    let due = store.next_due().await.unwrap().sweep_seconds.unwrap();
    assert!(due > 60.0, "a paused task is not due: {due}");
    assert!(store.set_paused(false).await.unwrap());
    assert_eq!(store.unsent_messages(10, &[]).await.unwrap().len(), 1);
    assert!(scene.claim().await);
}

#[tokio::test]
async fn parked_tasks_wake_when_their_budget_holds_them() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    let store = &scene.world.store;
    scene
        .sql(
            "UPDATE tasks SET status = 'parked', parked_reason = 'BudgetExhausted', reserved_tokens = 0;
             UPDATE content_runs SET task_tokens = 1000, tokens_reserved = 0;
             UPDATE personas SET tokens_per_day = 1500; UPDATE token_days SET reserved = 0, spent = 600",
        )
        .await;
    assert!(store.next_due().await.unwrap().parked);
    assert!(store.runs_with_budget().await.unwrap().is_empty());
    scene
        .sql("UPDATE token_days SET day = current_date - 1")
        .await;
    assert_eq!(store.runs_with_budget().await.unwrap(), [scene.run.run]);
    assert_eq!(store.wake_parked(scene.run.run).await.unwrap().queued, 1);
    assert_eq!(
        store.unsent_messages(10, &[]).await.unwrap()[0].task_id,
        task_id(scene.run.run, 0)
    );
    assert!(store.runs_with_budget().await.unwrap().is_empty());
}

/// FAULTS 12: the sweep of a leader that was replaced decides nothing.
#[tokio::test]
async fn the_sweep_of_a_replaced_leader_changes_nothing() {
    let Some(scene) = Scene::create(1).await else {
        return;
    };
    assert!(scene.claim().await);
    scene.expire().await;
    scene
        .sql("UPDATE operator_epoch SET epoch = epoch + 1")
        .await;
    let refused = scene.world.store.sweep().await.unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Fenced);
    assert_eq!(
        scene.text("SELECT status FROM tasks").await.as_deref(),
        Some("processing")
    );
}
