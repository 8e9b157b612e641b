//! Messages wake a worker and decide nothing.
#![allow(clippy::unwrap_used)]

use crate::support::{
    Bench, RowState,
    broker::{TestQueue, wake},
    database::World,
    persona, task,
};
use domain::{names::dead_letter_queue, tasks::TokenUsage};
use std::sync::Arc;
use tokio::{sync::Notify, time::Instant};
use worker::{
    adapters::wakeups::Queue,
    ports::{Tasks, Wakeups},
};

/// A broker that delivers when it is told to, and notes in which order it is served.
#[derive(Clone, Default)]
struct Bell {
    rings: Arc<Notify>,
    served: Arc<std::sync::Mutex<Vec<&'static str>>>,
}

impl Bell {
    fn note(&self, what: &'static str) {
        self.served.lock().unwrap().push(what);
    }
}

#[async_trait::async_trait]
impl Wakeups for Bell {
    fn gather(&mut self) {
        self.note("gather");
    }

    async fn next(&mut self) {
        self.rings.notified().await;
        self.note("message");
    }

    async fn settle(&mut self) {
        self.note("settle");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_wakes_a_waiting_worker_before_its_recheck_and_is_settled_after_the_claim() {
    let bench = Bench::new([task(0)]);
    let held = bench.tasks.claim().await.unwrap().unwrap();
    let (worker, bell) = (bench.worker(), Bell::default());
    let mut served = bell.clone();
    let begun = Instant::now();
    let consuming = tokio::spawn(async move { worker.consume(&mut served).await });
    while bell.served.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    bench
        .tasks
        .release(&held, "m", &TokenUsage::default())
        .await
        .unwrap();
    bell.rings.notify_one();
    consuming.await.unwrap().unwrap();
    assert_eq!(bench.tasks.rows()[0].state, RowState::Completed);
    assert!(begun.elapsed().as_millis() < 1_000, "{:?}", begun.elapsed());
    let served = bell.served.lock().unwrap().clone();
    assert_eq!(
        &served[..5],
        ["gather", "settle", "message", "gather", "settle"]
    );
}

#[tokio::test(start_paused = true)]
async fn faults_17_without_any_message_a_worker_finds_the_task_by_itself_within_two_seconds() {
    let bench = Bench::new([task(0)]);
    let held = bench.tasks.claim().await.unwrap().unwrap();
    let (worker, bell) = (bench.worker(), Bell::default());
    let mut served = bell.clone();
    let begun = Instant::now();
    let consuming = tokio::spawn(async move { worker.consume(&mut served).await });
    while bell.served.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    bench
        .tasks
        .release(&held, "m", &TokenUsage::default())
        .await
        .unwrap();
    consuming.await.unwrap().unwrap();
    assert!(
        (1_000..=2_100).contains(&begun.elapsed().as_millis()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_20_and_21_messages_that_come_twice_or_are_none_leave_the_queue_and_do_nothing() {
    let Some(queue) = TestQueue::create().await else {
        return;
    };
    let Some(world) = World::create(persona()).await else {
        return;
    };
    let run = world.run("generate", 1).await;
    let bench = Bench::new([]);
    let worker = world.worker(&bench, run);
    let held = worker.tasks.claim().await.unwrap().unwrap();
    let message = wake(world.persona_uid, held.id);
    queue
        .publish([
            message.clone(),
            message.clone(),
            b"{\"id\": 7}".to_vec(),
            vec![0xff],
            message,
        ])
        .await;

    let mut settings = world.settings(run);
    settings.queue.clone_from(&queue.name);
    let mut wakeups = Queue::start(&settings, &queue.credentials());
    let tasks = worker.tasks.clone();
    let consuming = tokio::spawn(async move {
        let exit = worker.consume(&mut wakeups).await;
        wakeups.stop().await;
        exit
    });
    queue.holds(&dead_letter_queue(&queue.name), 2).await;
    queue.holds(&queue.name, 0).await;
    assert_eq!(
        bench.model.asked().len(),
        0,
        "a message alone makes no worker work"
    );
    tasks
        .release(&held, "m", &TokenUsage::default())
        .await
        .unwrap();
    consuming.await.unwrap().unwrap();
    let claims: i32 = sqlx::query_scalar("SELECT claims FROM tasks WHERE status = 'completed'")
        .fetch_one(world.pool())
        .await
        .unwrap();
    assert_eq!(claims, 2);
    assert_eq!(queue.ready(&dead_letter_queue(&queue.name)).await, 2);
}
