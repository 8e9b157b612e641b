//! Attempts that end without a post, and what the rows then say.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, Row, RowState, Silence, completion, task};
use std::future::pending;
use worker::{failure, ports::Embedding, ports::Finish};

async fn run(bench: &Bench) -> Row {
    bench.worker().consume(&mut Silence).await.unwrap();
    bench.tasks.rows().remove(0)
}

fn code(row: &Row) -> &str {
    &row.error.as_ref().unwrap().0
}

#[tokio::test]
async fn faults_38_garbage_is_tried_again_and_then_dead_lettered_once() {
    for garbage in ["", "   \n", "?!…", "a\0b", "\u{fffd}\u{fffd}"] {
        let bench = Bench::new([task(0)]);
        bench.model.answer(move |_| Ok(completion(garbage)));
        let row = run(&bench).await;
        assert_eq!(
            (row.state.clone(), code(&row)),
            (RowState::DeadLettered, "InvalidModelOutput"),
            "{garbage:?}"
        );
        assert_eq!(row.paid.len(), 3, "three attempts, each recorded");
        assert_eq!(row.paid[0].prompt_tokens, 10, "the hook was paid for");
    }
}

#[tokio::test]
async fn faults_38_a_truncated_body_is_no_post() {
    let bench = Bench::new([task(0)]);
    bench.model.answer(|request| {
        let mut answer = completion("Words that stop in the");
        if request.user.starts_with("Continue") {
            answer.finish = Finish::Truncated;
        }
        Ok(answer)
    });
    let row = run(&bench).await;
    assert_eq!(
        (row.state.clone(), code(&row)),
        (RowState::DeadLettered, "InvalidModelOutput")
    );
    assert!(row.post.is_none());
}

#[tokio::test]
async fn faults_38_a_vector_that_is_none_reaches_no_row_and_no_collection() {
    for vector in [vec![], vec![0.0; 64], vec![f32::NAN; 64], vec![1.0; 65]] {
        let bench = Bench::new([task(0)]);
        bench.embedder.answer(move |_| {
            Ok(Embedding {
                vector: vector.clone(),
                tokens: Some(1),
            })
        });
        let row = run(&bench).await;
        assert_eq!(
            (row.state.clone(), code(&row)),
            (RowState::DeadLettered, "InvalidModelOutput")
        );
        assert!(row.post.is_none() && bench.index.points().is_empty());
    }
}

#[tokio::test]
async fn faults_37_one_429_costs_an_attempt_and_the_next_one_writes_the_post() {
    let bench = Bench::new([task(0)]);
    let mut calls = 0;
    bench.model.answer(move |_| {
        calls += 1;
        if calls == 1 {
            let mut limited = failure::transient("RateLimited", "429 Too Many Requests");
            limited.retry_after_seconds = Some(7);
            return Err(limited);
        }
        Ok(completion("A calm sentence."))
    });
    let row = run(&bench).await;
    assert_eq!(
        (row.state.clone(), code(&row), row.claims),
        (RowState::Completed, "RateLimited", 2)
    );
    assert_eq!(bench.model.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn faults_37_a_hang_ends_at_the_attempt_timeout_and_its_calls_are_charged() {
    let mut slow = task(0);
    slow.payload.attempt_seconds = 5;
    let bench = Bench::new([slow]);
    let mut worker = bench.worker();
    worker.ports.embedder = std::sync::Arc::new(Hanging);
    let started = tokio::time::Instant::now();
    worker.consume(&mut Silence).await.unwrap();
    let row = bench.tasks.rows().remove(0);
    assert_eq!(
        (row.state.clone(), code(&row)),
        (RowState::DeadLettered, "Timeout")
    );
    assert_eq!(started.elapsed().as_secs(), 3 * 5);
    assert_eq!(
        (row.paid[0].prompt_tokens, row.paid[0].completion_tokens),
        (20, 10)
    );
}

struct Hanging;

#[async_trait::async_trait]
impl worker::ports::Embedder for Hanging {
    async fn embed(
        &self,
        _: &domain::revision::EndpointSettings,
        _: u32,
        _: &str,
    ) -> Result<Embedding, domain::tasks::TaskFailure> {
        pending().await
    }
}

#[tokio::test]
async fn a_prompt_that_does_not_render_fails_at_once_and_costs_nothing() {
    let mut wrong = task(0);
    wrong.prompt.body = "{{ nobody }}".into();
    wrong.prompt.hook = "{{ persona.nickname }}".into();
    let bench = Bench::new([wrong]);
    let row = run(&bench).await;
    assert_eq!(
        (row.state.clone(), code(&row)),
        (RowState::Failed, "PromptInvalid")
    );
    assert!(bench.model.asked().is_empty());
}

#[tokio::test]
async fn an_empty_input_is_refused_before_any_call() {
    let mut empty = task(0);
    empty.payload.input = " \n ".into();
    let bench = Bench::new([empty]);
    let row = run(&bench).await;
    assert_eq!(
        (row.state.clone(), code(&row)),
        (RowState::Failed, "InputRejected")
    );
    assert!(bench.model.asked().is_empty());
}

#[tokio::test]
async fn faults_13_a_panic_on_one_task_leaves_the_worker_and_the_other_tasks_alone() {
    let mut poison = task(0);
    poison.payload.input = "poison".into();
    let bench = Bench::new([poison, task(1), task(2)]);
    bench.model.answer(|request| {
        assert!(
            !request.user.contains("poison"),
            "the poison task's own fault"
        );
        Ok(completion(format!("Sentence number {}.", request.seed)))
    });
    bench.worker().consume(&mut Silence).await.unwrap();
    let rows = bench.tasks.rows();
    assert_eq!(
        (rows[0].state.clone(), code(&rows[0])),
        (RowState::DeadLettered, "Panicked")
    );
    assert!(rows[1..].iter().all(|row| row.state == RowState::Completed));
}
