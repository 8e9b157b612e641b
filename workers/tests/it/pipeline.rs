//! From a task to a post, when nothing goes wrong.
#![allow(clippy::unwrap_used)]

use crate::support::{Bench, RowState, Silence, completion, task};
use domain::{
    digest::sha256_hex,
    names,
    tasks::{EditedPost, TaskKind},
};
use worker::{attempt::Ended, consume::Exit};

async fn run(bench: &Bench) {
    assert_eq!(
        bench.worker().consume(&mut Silence).await.unwrap(),
        Exit::RunClosed
    );
}

#[tokio::test]
async fn hook_and_body_both_survive_to_the_row_and_to_the_point() {
    let bench = Bench::new([task(0)]);
    bench.model.answer(|request| {
        Ok(completion(if request.user.starts_with("Continue after") {
            "The body. It follows."
        } else {
            "The hook!"
        }))
    });
    run(&bench).await;
    let row = &bench.tasks.rows()[0];
    let post = &row.post.as_ref().unwrap().post;
    assert_eq!(
        (post.hook.as_str(), post.body.as_str()),
        ("The hook!", "The body. It follows.")
    );
    assert_eq!(
        post.content_hash,
        sha256_hex(b"The hook!\n\nThe body. It follows.")
    );
    assert_eq!(post.id, names::post_id(row.task.id));
    let point = &bench.index.points()[0];
    assert_eq!(point.id, post.id);
    assert_eq!(
        (
            point.payload["hook"].as_str(),
            point.payload["body"].as_str()
        ),
        (Some("The hook!"), Some("The body. It follows."))
    );
    assert!(row.point_stored);
}

#[tokio::test]
async fn the_body_is_asked_for_with_the_hook_and_both_with_the_persona_and_one_seed() {
    let bench = Bench::new([task(0)]);
    bench.model.answer(|_| Ok(completion("Plain words here.")));
    run(&bench).await;
    let asked = bench.model.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        asked[0].user,
        "Write a hook about We ship the new release on Friday."
    );
    assert_eq!(asked[1].user, "Continue after: Plain words here.");
    assert!(asked.iter().all(|request| request.system == "You are Maya."
        && request.seed == names::model_seed(task(0).id, 0)));
}

#[tokio::test]
async fn a_task_that_runs_twice_writes_the_same_post_whoever_runs_it() {
    let (first, second) = (
        Bench::new([task(0), task(1)]),
        Bench::new([task(0), task(1)]),
    );
    run(&first).await;
    run(&second).await;
    for (one, other) in first.tasks.rows().iter().zip(second.tasks.rows()) {
        let (one, other) = (one.post.as_ref().unwrap(), other.post.unwrap());
        assert_eq!(one.post, other.post);
        assert_eq!((&one.embedding, one.usage), (&other.embedding, other.usage));
    }
    let rows = first.tasks.rows();
    assert_ne!(
        rows[0].post.as_ref().unwrap().post.id,
        rows[1].post.as_ref().unwrap().post.id
    );
}

#[tokio::test]
async fn usage_is_what_the_responses_said() {
    let bench = Bench::new([task(0)]);
    run(&bench).await;
    let done = bench.tasks.rows()[0].post.clone().unwrap();
    assert_eq!(
        (
            done.usage.prompt_tokens,
            done.usage.completion_tokens,
            done.usage.embedding_tokens
        ),
        (20, 10, 7)
    );
    assert_eq!(done.post.metadata["usageEstimated"], false);
    assert_eq!(
        (done.post.model.as_str(), done.post.stand_in),
        ("writer-1", true)
    );
}

#[tokio::test]
async fn usage_that_no_response_says_is_estimated_and_marked() {
    let bench = Bench::new([task(0)]);
    bench.model.answer(|_| {
        let mut answer = completion("One two three four.");
        answer.usage = None;
        Ok(answer)
    });
    run(&bench).await;
    let done = bench.tasks.rows()[0].post.clone().unwrap();
    assert_eq!(done.post.metadata["usageEstimated"], true);
    assert!(
        (8..=16).contains(&done.usage.completion_tokens),
        "{:?}",
        done.usage
    );
}

#[tokio::test]
async fn faults_29_without_the_index_posts_are_accepted_and_compared_with_the_newest_rows() {
    let bench = Bench::new([task(0), task(1)]);
    bench.index.set_down(true);
    run(&bench).await;
    for row in bench.tasks.rows() {
        assert_eq!(row.state, RowState::Completed);
        assert!(!row.point_stored, "the operator's sweep has to store it");
        let done = row.post.unwrap();
        assert!(done.queried_at.starts_with("1970-"), "{}", done.queried_at);
        assert_eq!(done.post.metadata["similarity"], "newest posts only");
        assert_eq!((done.post.nearest_id, done.post.nearest_bp), (None, None));
    }
    assert!(bench.index.points().is_empty());
}

#[tokio::test]
async fn the_commit_compares_from_before_the_query_on() {
    let bench = Bench::new([task(0)]);
    run(&bench).await;
    let queried_at = bench.tasks.rows()[0].post.clone().unwrap().queried_at;
    assert!(
        queried_at.starts_with("2026-11-23T00:00:0"),
        "the database's clock at the claim, not this machine's: {queried_at}"
    );
}

#[tokio::test]
async fn an_edited_post_costs_one_embedding_and_no_word_of_the_model() {
    let mut edited = task(0);
    edited.kind = TaskKind::Embed;
    edited.payload.post = Some(EditedPost {
        id: uuid::Uuid::from_u128(5),
        revision: 1,
    });
    let bench = Bench::new([edited]);
    let worker = bench.worker();
    let claimed = worker.tasks.claim().await.unwrap().unwrap();
    assert_eq!(worker.attempt(&claimed).await, Ended::Committed);
    let row = &bench.tasks.rows()[0];
    let embedding = row.embedding.as_ref().unwrap();
    let length: f32 = embedding.iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-4, "{length}");
    assert!(row.post.is_none() && bench.model.asked().is_empty());
    assert!(row.paid[0].embedding_tokens > 0 && row.paid[0].completion_tokens == 0);
}

#[tokio::test]
async fn a_plan_costs_one_embedding_and_stores_no_post() {
    let mut plan = task(0);
    plan.kind = TaskKind::Plan;
    let bench = Bench::new([plan]);
    let neighbour = uuid::Uuid::from_u128(5);
    bench
        .index
        .insert("posts_test_maya_00000000", neighbour, vec![1.0; 64]);
    let worker = bench.worker();
    let claimed = worker.tasks.claim().await.unwrap().unwrap();
    assert_eq!(worker.attempt(&claimed).await, Ended::Committed);
    let row = &bench.tasks.rows()[0];
    let plan = row.plan.as_ref().unwrap();
    assert!(
        row.post.is_none() && bench.model.asked().is_empty() && bench.index.points().len() == 1
    );
    assert_eq!(plan["promptDigest"].as_str().map(str::len), Some(64));
    assert_eq!(
        plan["promptPreview"],
        "You are Maya.\n\nWrite a hook about We ship the new release on Friday."
    );
    assert_eq!(plan["nearest"][0]["id"], neighbour.to_string());
    assert!(plan["nearest"][0]["similarityBp"].as_i64().unwrap() > 0);
    // Three posts, each with two completions of at most 400 tokens that are embedded once.
    let tokens = plan["estimatedTokens"].as_i64().unwrap();
    assert!((3 * 1600..3 * 1800).contains(&tokens), "{tokens}");
    assert_eq!(
        (row.paid[0].embedding_tokens, row.paid[0].completion_tokens),
        (7, 0)
    );
}
