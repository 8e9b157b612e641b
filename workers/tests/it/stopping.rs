//! SIGTERM: no new claims, the current attempt finishes or is given back, and the process leaves in time.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, RowState, Silence, completion, task};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use worker::{consume::Exit, ports::Tasks, stop::Stop};

/// A model that takes its time.
struct Slow(Duration);

#[async_trait::async_trait]
impl worker::ports::Model for Slow {
    async fn complete(
        &self,
        _: &domain::revision::ModelSettings,
        request: &worker::ports::ChatRequest,
    ) -> Result<worker::ports::Completion, domain::tasks::TaskFailure> {
        sleep(self.0).await;
        Ok(completion(format!("Words by seed {}.", request.seed)))
    }
}

/// Runs a worker with a slow model and asks it to stop after a second; answers how it left and after how many seconds.
async fn stopped(bench: &Bench, model: Duration) -> (Exit, f64) {
    let mut worker = bench.worker();
    worker.ports.model = Arc::new(Slow(model));
    worker.stop = Stop::new(Duration::from_secs(20));
    let stop = worker.stop.clone();
    let started = Instant::now();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        stop.request();
    });
    let exit = worker.consume(&mut Silence).await.unwrap();
    (exit, started.elapsed().as_secs_f64() - 1.0)
}

#[tokio::test(start_paused = true)]
async fn faults_35_an_attempt_that_fits_the_grace_period_is_committed_once() {
    let bench = Bench::new([task(0), task(1)]);
    let (exit, seconds) = stopped(&bench, Duration::from_secs(4)).await;
    assert_eq!(exit, Exit::Stopped);
    assert!(seconds < 20.0, "{seconds}");
    let rows = bench.tasks.rows();
    assert_eq!(
        (rows[0].state.clone(), rows[0].claims),
        (RowState::Completed, 1)
    );
    assert_eq!(
        (rows[1].state.clone(), rows[1].claims),
        (RowState::Queued, 0),
        "nothing new is claimed"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_35_an_attempt_that_does_not_fit_is_given_back_uncharged_before_the_period_ends() {
    let bench = Bench::new([task(0)]);
    let (exit, seconds) = stopped(&bench, Duration::from_secs(3000)).await;
    assert_eq!(exit, Exit::Stopped);
    assert!((10.0..19.0).contains(&seconds), "{seconds}");
    let row = &bench.tasks.rows()[0];
    assert_eq!(
        (row.state.clone(), row.task.retry_count, row.paid.len()),
        (RowState::Queued, 0, 0)
    );
    assert!(row.post.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_leaves_at_once() {
    let bench = Bench::new([task(0)]);
    bench.tasks.claim().await.unwrap();
    let (exit, seconds) = stopped(&bench, Duration::ZERO).await;
    assert_eq!(exit, Exit::Stopped);
    assert!(seconds < 0.1, "{seconds}");
}
