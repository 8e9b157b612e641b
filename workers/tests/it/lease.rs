//! Only who holds the lease commits.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, RowState, Silence, completion, task};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use worker::attempt::Ended;

/// A model that says when it was asked and answers when it may.
struct Gate {
    asked: Arc<Notify>,
    answer: Arc<Notify>,
}

#[async_trait::async_trait]
impl worker::ports::Model for Gate {
    async fn complete(
        &self,
        _: &domain::revision::ModelSettings,
        _: &worker::ports::ChatRequest,
    ) -> Result<worker::ports::Completion, domain::tasks::TaskFailure> {
        self.asked.notify_one();
        self.answer.notified().await;
        Ok(completion("Late words."))
    }
}

#[tokio::test(start_paused = true)]
async fn faults_22_a_worker_that_lost_its_lease_abandons_the_attempt_and_cannot_commit() {
    let bench = Bench::new([task(0)]);
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut slow = bench.worker();
    slow.lease = Duration::from_secs(9);
    slow.ports.model = Arc::new(Gate {
        asked: asked.clone(),
        answer,
    });
    let claimed = slow.tasks.claim().await.unwrap().unwrap();
    let attempt = tokio::spawn(async move { slow.attempt(&claimed).await });
    asked.notified().await;
    bench.tasks.expire_leases();
    bench.worker().consume(&mut Silence).await.unwrap();
    assert_eq!(attempt.await.unwrap(), Ended::Abandoned);
    let row = &bench.tasks.rows()[0];
    assert_eq!(
        (row.state.clone(), row.claims, row.paid.len()),
        (RowState::Completed, 2, 1)
    );
    assert_ne!(row.post.as_ref().unwrap().post.hook, "Late words.");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_stops_an_attempt_that_runs() {
    let bench = Bench::new([task(0)]);
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut slow = bench.worker();
    slow.ports.model = Arc::new(Gate {
        asked: asked.clone(),
        answer,
    });
    let claimed = slow.tasks.claim().await.unwrap().unwrap();
    let attempt = tokio::spawn(async move { slow.attempt(&claimed).await });
    asked.notified().await;
    bench.tasks.cancel();
    assert_eq!(attempt.await.unwrap(), Ended::Abandoned);
    assert!(bench.tasks.rows()[0].post.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_as_long_as_the_attempt_runs() {
    let bench = Bench::new([task(0)]);
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut slow = bench.worker();
    slow.lease = Duration::from_secs(3);
    slow.ports.model = Arc::new(Gate {
        asked: asked.clone(),
        answer: answer.clone(),
    });
    let claimed = slow.tasks.claim().await.unwrap().unwrap();
    let attempt = tokio::spawn(async move { slow.attempt(&claimed).await });
    asked.notified().await;
    tokio::time::advance(Duration::from_secs(30)).await;
    answer.notify_one();
    asked.notified().await;
    answer.notify_one();
    assert_eq!(attempt.await.unwrap(), Ended::Committed);
}

#[tokio::test]
async fn faults_23_a_commit_whose_reply_was_lost_is_repeated_and_counts_once() {
    let bench = Bench::new([task(0)]);
    bench.tasks.lose_reply();
    bench.worker().consume(&mut Silence).await.unwrap();
    let row = &bench.tasks.rows()[0];
    assert_eq!(
        (row.state.clone(), row.claims, row.paid.len()),
        (RowState::Completed, 1, 1)
    );
    assert!(row.error.is_none());
}

#[tokio::test]
async fn faults_36_two_workers_on_one_task_write_one_post() {
    let bench = Bench::new([task(0)]);
    let (one, other) = (bench.worker(), bench.worker());
    let (mut a, mut b) = (Silence, Silence);
    let ended = tokio::join!(one.consume(&mut a), other.consume(&mut b));
    assert!(ended.0.is_ok() && ended.1.is_ok());
    let row = &bench.tasks.rows()[0];
    assert_eq!(
        (row.claims, row.paid.len(), bench.index.points().len()),
        (1, 1, 1)
    );
}
