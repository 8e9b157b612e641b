//! Dedup and moderation refuse texts; the attempt asks for others within its limit, then the task is rejected with the reason.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, Row, RowState, Silence, completion, task};
use domain::{names, revision::DedupAction, tasks::ClaimedTask};
use uuid::Uuid;
use worker::ports::Moderation;

const COLLECTION: &str = "posts_test_maya_00000000";

async fn run(bench: &Bench) -> Row {
    bench.worker().consume(&mut Silence).await.unwrap();
    bench.tasks.rows().remove(0)
}

fn with_dedup(action: DedupAction) -> ClaimedTask {
    let mut task = task(0);
    task.persona.gates.dedup.action = action;
    task
}

/// A bench whose model always writes the same text, which a post of the collection has already.
async fn bench_of_twins(task: ClaimedTask) -> (Bench, Uuid) {
    let bench = Bench::new([task.clone()]);
    bench
        .model
        .answer(|_| Ok(completion("The same words again.")));
    let vector = bench
        .ports()
        .embedder
        .embed(
            &task.persona.embedding,
            64,
            "The same words again.\n\nThe same words again.",
        )
        .await;
    let twin = Uuid::from_u128(99);
    bench.index.insert(COLLECTION, twin, vector.unwrap().vector);
    (bench, twin)
}

#[tokio::test]
async fn duplicates_are_regenerated_with_other_seeds_and_then_rejected() {
    let (bench, twin) = bench_of_twins(with_dedup(DedupAction::Regenerate)).await;
    let row = run(&bench).await;
    assert_eq!(row.state, RowState::Rejected);
    let (code, message) = row.error.unwrap();
    assert_eq!(code, "Duplicate");
    assert!(
        message.contains(&twin.to_string()) && message.contains("100.00 %"),
        "{message}"
    );
    let seeds: Vec<i64> = bench
        .model
        .asked()
        .iter()
        .step_by(2)
        .map(|request| request.seed)
        .collect();
    assert_eq!(
        seeds,
        [0, 1, 2].map(|regeneration| names::model_seed(row.task.id, regeneration))
    );
    // All three texts were paid for: two calls of 10 + 5 tokens and an embedding each.
    assert_eq!(
        (
            row.paid[0].prompt_tokens,
            row.paid[0].completion_tokens,
            row.paid[0].embedding_tokens
        ),
        (60, 30, 21)
    );
}

#[tokio::test]
async fn the_reject_action_rejects_the_first_duplicate() {
    let (bench, _) = bench_of_twins(with_dedup(DedupAction::Reject)).await;
    assert_eq!(run(&bench).await.state, RowState::Rejected);
    assert_eq!(bench.model.asked().len(), 2);
}

#[tokio::test]
async fn the_flag_action_keeps_a_duplicate_and_marks_it() {
    let (bench, twin) = bench_of_twins(with_dedup(DedupAction::Flag)).await;
    let post = run(&bench).await.post.unwrap().post;
    assert_eq!(
        (post.duplicate_of, post.nearest_id, post.nearest_bp),
        (Some(twin), Some(twin), Some(10_000))
    );
}

#[tokio::test]
async fn a_post_is_never_its_own_duplicate() {
    let (bench, _) = bench_of_twins(with_dedup(DedupAction::Reject)).await;
    let own = names::post_id(task(0).id);
    let vector = bench.index.points()[0].vector.clone();
    let bench = Bench::new([with_dedup(DedupAction::Reject)]);
    bench
        .model
        .answer(|_| Ok(completion("The same words again.")));
    bench.index.insert(COLLECTION, own, vector);
    let row = run(&bench).await;
    assert_eq!(row.state, RowState::Completed);
    assert_eq!(row.post.unwrap().post.nearest_id, None);
}

#[tokio::test]
async fn a_nearest_post_below_the_threshold_is_named_and_no_duplicate() {
    let bench = Bench::new([task(0)]);
    bench.index.insert(
        COLLECTION,
        Uuid::from_u128(98),
        (0..64).map(|place| f32::from(place % 2 == 0)).collect(),
    );
    let post = run(&bench).await.post.unwrap().post;
    assert_eq!(post.nearest_id, Some(Uuid::from_u128(98)));
    assert!((1..9_500).contains(&post.nearest_bp.unwrap()));
    assert_eq!(post.duplicate_of, None);
}

#[tokio::test]
async fn a_duplicate_that_only_the_commit_can_see_is_regenerated() {
    let bench = Bench::new([with_dedup(DedupAction::Regenerate)]);
    bench.tasks.answer_duplicate(Uuid::from_u128(97), 9_900);
    let row = run(&bench).await;
    assert_eq!(row.state, RowState::Completed);
    let done = row.post.unwrap();
    assert_eq!(done.post.metadata["regenerations"], 1);
    assert_eq!(
        done.post.metadata["seed"],
        names::model_seed(row.task.id, 1)
    );
    assert_eq!(
        done.usage.completion_tokens, 20,
        "the refused text was paid for"
    );
}

fn moderated() -> ClaimedTask {
    let mut task = task(0);
    task.persona.moderation = Some(task.persona.embedding.clone());
    task
}

#[tokio::test]
async fn a_text_that_moderation_flags_is_regenerated() {
    let bench = Bench::new([moderated()]);
    let mut calls = 0;
    bench.moderator.answer(move |text| {
        calls += 1;
        assert!(
            text.contains("\n\n"),
            "hook and body are moderated together"
        );
        Ok(Moderation {
            flagged: calls == 1,
            categories: vec!["harassment".into()],
        })
    });
    let row = run(&bench).await;
    assert_eq!(row.post.unwrap().post.metadata["regenerations"], 1);
}

#[tokio::test]
async fn a_task_whose_every_text_is_flagged_is_rejected_with_the_category() {
    let bench = Bench::new([moderated()]);
    bench.moderator.answer(|_| {
        Ok(Moderation {
            flagged: true,
            categories: vec!["harassment".into()],
        })
    });
    let row = run(&bench).await;
    assert_eq!(row.state, RowState::Rejected);
    let (code, message) = row.error.unwrap();
    assert_eq!(code, "GuardrailHit");
    assert!(message.contains("harassment"), "{message}");
}

#[tokio::test]
async fn a_persona_without_a_moderation_endpoint_calls_none() {
    let bench = Bench::new([task(0)]);
    bench.moderator.answer(|_| panic!("called"));
    assert_eq!(run(&bench).await.state, RowState::Completed);
}

#[tokio::test]
async fn a_text_that_could_not_be_moderated_is_not_posted() {
    let bench = Bench::new([moderated()]);
    bench.moderator.answer(|_| {
        Err(worker::failure::transient(
            "Unavailable",
            "moderation answered 503",
        ))
    });
    let row = run(&bench).await;
    assert_eq!(
        (row.state, row.post.is_none()),
        (RowState::DeadLettered, true)
    );
}

/// What the arms of an experiment wrote since its start is no reason to refuse a text; what was written before is.
#[tokio::test]
async fn a_post_of_an_experiment_is_compared_with_posts_from_before_its_start() {
    for (written, state) in [
        ("2026-11-23T05:59:59Z", RowState::Rejected),
        ("2026-11-23T06:00:01Z", RowState::Completed),
    ] {
        let mut task = with_dedup(DedupAction::Reject);
        task.dedup_before = Some("2026-11-23T06:00:00Z".to_owned());
        let (bench, twin) = bench_of_twins(task).await;
        let mut point = bench.index.points().remove(0);
        point.payload.insert("timestamp".into(), written.into());
        bench.ports().index.upsert(COLLECTION, point).await.unwrap();
        let row = run(&bench).await;
        assert_eq!(row.state, state, "the post {twin} of {written}");
    }
}
