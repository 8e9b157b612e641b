//! The workers' functions on a real Postgres: claims, leases, commits and the end of attempts.
#![allow(clippy::unwrap_used)]

mod support;

use backends::postgres::{StoreError, worker::CommitOutcome};
use domain::tasks::{FailureClass, TaskFailure, TokenUsage};
use std::time::Duration;
use support::{World, post_for, request};

fn failure(class: FailureClass, retry_after: Option<u32>) -> TaskFailure {
    TaskFailure {
        class,
        code: "RateLimited".into(),
        message: "slow down".into(),
        retry_after_seconds: retry_after,
    }
}

/// FAULTS 36: however many Pods race, a task has one holder.
#[tokio::test]
async fn a_task_is_claimed_once_however_many_race() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 5, 50).await;
    let workers = futures::future::join_all((0..4).map(|_| world.worker(&tenant))).await;
    let claims = futures::future::join_all(workers.iter().flat_map(|worker| {
        let ask = request(run.persona);
        (0..2).map(move |_| {
            let (worker, ask) = (worker.clone(), ask.clone());
            async move { worker.claim(&ask).await.unwrap() }
        })
    }))
    .await;
    let mut ids: Vec<_> = claims.into_iter().flatten().map(|task| task.id).collect();
    assert_eq!(ids.len(), 5);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "a task was claimed twice");
}

#[tokio::test]
async fn higher_priority_goes_first_and_equal_jobs_share_fairly() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let low = world.run(&tenant, "low", 2, 10).await;
    let first = world.run(&tenant, "first", 2, 80).await;
    let second = world.run(&tenant, "second", 2, 80).await;
    let worker = world.worker(&tenant).await;
    let mut order = Vec::new();
    while let Some(task) = worker.claim(&request(low.persona)).await.unwrap() {
        order.push(task.run_id);
    }
    assert_eq!(order.len(), 6);
    assert_ne!(order[0], order[1], "two jobs of one priority take turns");
    assert!(
        order[..4]
            .iter()
            .all(|run| *run == first.run || *run == second.run)
    );
    assert!(order[4..].iter().all(|run| *run == low.run));
}

/// FAULTS 20, 22: a second commit, or one after the lease was lost, has no effect.
#[tokio::test]
async fn only_the_holder_of_the_lease_commits() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 1, 50).await;
    let worker = world.worker(&tenant).await;
    let stale = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    sqlx::query("UPDATE tasks SET status = 'queued', lease_token = NULL, lease_until = NULL")
        .execute(world.store.pool())
        .await
        .unwrap();
    let current = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    let now = worker.now().await.unwrap();
    let refused = worker
        .complete(
            &stale,
            &post_for(&stale, vec![1.0, 0.0, 0.0], now.clone()),
            true,
        )
        .await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    assert!(
        !worker
            .extend(&stale, Duration::from_secs(60))
            .await
            .unwrap()
    );
    let done = worker
        .complete(
            &current,
            &post_for(&current, vec![1.0, 0.0, 0.0], now.clone()),
            true,
        )
        .await
        .unwrap();
    assert_eq!(done, CommitOutcome::Committed);
    let again = worker
        .complete(
            &current,
            &post_for(&current, vec![1.0, 0.0, 0.0], now),
            true,
        )
        .await;
    assert!(matches!(again, Err(StoreError::LeaseLost)));
    let posts: i64 = sqlx::query_scalar("SELECT count(*) FROM posts")
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    assert_eq!(posts, 1);
}

#[tokio::test]
async fn a_twin_that_was_committed_meanwhile_is_found_at_the_commit() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 2, 50).await;
    let worker = world.worker(&tenant).await;
    let now = worker.now().await.unwrap();
    let first = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    let second = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    worker
        .complete(
            &first,
            &post_for(&first, vec![1.0, 0.0, 0.0], now.clone()),
            true,
        )
        .await
        .unwrap();
    let outcome = worker
        .complete(
            &second,
            &post_for(&second, vec![1.0, 0.0, 0.1], now.clone()),
            true,
        )
        .await
        .unwrap();
    assert!(
        matches!(outcome, CommitOutcome::Duplicate { of, similarity_bp: 9950 } if of == domain::names::post_id(first.id)),
        "{outcome:?}"
    );
    let other = worker
        .complete(&second, &post_for(&second, vec![0.0, 1.0, 0.0], now), true)
        .await
        .unwrap();
    assert_eq!(other, CommitOutcome::Committed);
}

/// FAULTS 21, 37: bounded attempts that wait at least as long as they were asked to, then dead-lettered once.
#[tokio::test]
async fn attempts_are_bounded_and_wait_as_asked() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 1, 50).await;
    let worker = world.worker(&tenant).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let task = worker.claim(&request(run.persona)).await.unwrap().unwrap();
        let usage = TokenUsage {
            prompt_tokens: 7,
            ..TokenUsage::default()
        };
        statuses.push(
            worker
                .fail(
                    &task,
                    &failure(FailureClass::Transient, Some(120)),
                    "m",
                    &usage,
                )
                .await
                .unwrap(),
        );
        assert!(
            worker.claim(&request(run.persona)).await.unwrap().is_none(),
            "it must wait"
        );
        let state = worker.run_state(run.run).await.unwrap();
        if let Some(wait) = state.wait {
            assert!(wait > Duration::from_secs(118), "{wait:?}");
        }
        sqlx::query("UPDATE tasks SET not_before = now()")
            .execute(world.store.pool())
            .await
            .unwrap();
    }
    assert_eq!(statuses, ["queued", "queued", "dead_lettered"]);
    assert!(!worker.run_state(run.run).await.unwrap().open);
    let (reserved, spent): (i64, i64) =
        sqlx::query_as("SELECT tokens_reserved, tokens_spent FROM content_runs")
            .fetch_one(world.store.pool())
            .await
            .unwrap();
    assert_eq!(
        (reserved, spent),
        (0, 21),
        "the reservation is settled and every attempt was charged"
    );
}

#[tokio::test]
async fn what_cannot_get_better_fails_at_once() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 1, 50).await;
    let worker = world.worker(&tenant).await;
    let task = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    let status = worker
        .fail(
            &task,
            &failure(FailureClass::Invalid, None),
            "m",
            &TokenUsage::default(),
        )
        .await
        .unwrap();
    assert_eq!(status, "failed");
}

/// FAULTS 35: what a stopping worker gives back counts as no attempt; the calls that it made are paid for, and the reservation
/// stays for the next worker.
#[tokio::test]
async fn a_released_task_is_claimable_again_and_only_its_calls_are_charged() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 1, 50).await;
    let worker = world.worker(&tenant).await;
    let task = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    let nothing = TokenUsage::default();
    worker.release(&task, "m", &nothing).await.unwrap();
    let again = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    assert_eq!((again.id, again.retry_count), (task.id, 0));
    let recorded = async || -> (i64, i64, i64) {
        sqlx::query_as(
            "SELECT tokens_reserved, tokens_spent, (SELECT count(*) FROM usage) FROM content_runs",
        )
        .fetch_one(world.store.pool())
        .await
        .unwrap()
    };
    assert_eq!(recorded().await, (1000, 0, 0));
    let called = TokenUsage {
        prompt_tokens: 30,
        ..nothing
    };
    worker.release(&again, "m", &called).await.unwrap();
    assert_eq!(recorded().await, (1000, 30, 1));
    let last = worker.claim(&request(run.persona)).await.unwrap().unwrap();
    assert_eq!((last.id, last.retry_count), (task.id, 0));
    let post = post_for(&last, vec![1.0, 0.0, 0.0], worker.now().await.unwrap());
    worker.complete(&last, &post, true).await.unwrap();
    assert_eq!(recorded().await, (0, 30 + 17, 2));
}

#[tokio::test]
async fn suspended_cancelled_paused_and_foreign_credentials_stop_claims() {
    let Some(world) = World::create().await else {
        return;
    };
    let tenant = world.tenant("studio");
    let run = world.run(&tenant, "job", 1, 50).await;
    let worker = world.worker(&tenant).await;
    for (stop, resume) in [
        (
            "UPDATE content_runs SET suspended = true",
            "UPDATE content_runs SET suspended = false",
        ),
        (
            "UPDATE content_runs SET cancelled = true",
            "UPDATE content_runs SET cancelled = false",
        ),
        (
            "UPDATE content_runs SET gone_at = now()",
            "UPDATE content_runs SET gone_at = NULL",
        ),
        (
            "UPDATE personas SET suspended = true",
            "UPDATE personas SET suspended = false",
        ),
        (
            "UPDATE install_settings SET paused = true",
            "UPDATE install_settings SET paused = false",
        ),
    ] {
        sqlx::query(stop).execute(world.store.pool()).await.unwrap();
        assert!(
            worker.claim(&request(run.persona)).await.unwrap().is_none(),
            "{stop}"
        );
        assert!(!worker.run_state(run.run).await.unwrap().open, "{stop}");
        sqlx::query(resume)
            .execute(world.store.pool())
            .await
            .unwrap();
    }
    let mut other = request(run.persona);
    other.credentials_digest = "other".into();
    assert!(worker.claim(&other).await.unwrap().is_none());
    assert!(worker.claim(&request(run.persona)).await.unwrap().is_some());
}
