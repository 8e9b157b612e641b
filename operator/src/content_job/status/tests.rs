#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{ended, valid, view};
use serde_json::json;
use uuid::Uuid;

fn post(index: i32, hook: &str) -> PostRow {
    PostRow {
        id: Uuid::from_u128(1),
        index,
        content_hash: "hash".into(),
        hook: hook.into(),
        score_bp: Some(6000),
        emotion: Some("joy".into()),
        trajectory: Some("rising".into()),
        nearest_id: Some(Uuid::from_u128(2)),
        nearest_bp: Some(9100),
        stand_in: true,
        arm: None,
    }
}

fn built(view: RunView, changes: Value) -> ContentJobStatus {
    let applied = Applied {
        rows: Rows::Standing(Box::new(view)),
        workers: Workers::None,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    build(
        &ContentJobStatus::default(),
        &valid(changes),
        &applied,
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_post_is_shown_with_the_beginning_of_its_hook() {
    let mut run = ended(TaskTally {
        completed: 1,
        ..TaskTally::default()
    });
    run.posts = vec![post(0, &"ü".repeat(200))];
    let status = built(run, json!({}));
    let shown = &status.posts[0];
    assert_eq!(shown.hook.as_ref().unwrap().chars().count(), 140);
    assert_eq!(shown.nearest.as_ref().unwrap().similarity_bp, 9100);
    assert!(shown.emotion.is_some() && shown.trajectory.is_some() && shown.stand_in);
    assert_eq!(status.progress.as_deref(), Some("1/1"));
}

#[test]
fn after_its_time_a_status_has_counts_and_digests_alone() {
    let mut run = ended(TaskTally {
        completed: 1,
        ..TaskTally::default()
    });
    run.posts = vec![post(0, "Hook")];
    let status = built(run, json!({ "ttlSecondsAfterFinished": 5 }));
    let shown = &status.posts[0];
    assert_eq!(
        (shown.digest.as_str(), shown.hook.as_ref(), shown.score_bp),
        ("hash", None, None)
    );
    assert_eq!(status.counts.unwrap().succeeded, 1);
}

#[test]
fn dead_lettered_tasks_count_as_failed() {
    let status = built(
        ended(TaskTally {
            completed: 1,
            failed: 1,
            dead_lettered: 2,
            ..TaskTally::default()
        }),
        json!({}),
    );
    assert_eq!(status.counts.unwrap().failed, 3);
}

/// What a worker sent must not make the status one that the API server refuses.
#[test]
fn what_is_too_long_for_the_schema_is_cut() {
    let mut run = ended(TaskTally {
        completed: 1,
        ..TaskTally::default()
    });
    let nearest: Vec<Value> = (0..20)
        .map(|_| json!({ "id": "x", "similarityBp": 1 }))
        .collect();
    run.run.plan = Some(
        json!({ "estimatedTokens": i64::MAX, "promptPreview": "x".repeat(900), "nearest": nearest }),
    );
    run.run.last_error =
        Some(json!({ "class": "transient", "code": "c".repeat(90), "message": "m".repeat(2000) }));
    let status = built(run, json!({ "mode": "Plan" }));
    let plan = status.plan.unwrap();
    assert_eq!(
        (
            plan.nearest.len(),
            plan.prompt_preview.unwrap().chars().count()
        ),
        (10, 500)
    );
    assert_eq!(plan.estimated_tokens, 1_000_000_000_000);
    let error = status.last_error.unwrap();
    assert_eq!(
        (error.code.chars().count(), error.message.chars().count()),
        (63, 1024)
    );
}

#[test]
fn building_twice_changes_nothing() {
    let run = view(TaskTally {
        queued: 3,
        ..TaskTally::default()
    });
    let applied = Applied {
        rows: Rows::Standing(Box::new(run)),
        workers: Workers::None,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    let job = valid(json!({}));
    let once = build(
        &ContentJobStatus::default(),
        &job,
        &applied,
        Timestamp::UNIX_EPOCH,
    );
    let later = Timestamp::from_second(100).unwrap();
    assert_eq!(build(&once, &job, &applied, later).phase, once.phase);
    let times = |status: &ContentJobStatus| {
        status
            .conditions
            .iter()
            .map(|condition| condition.last_transition_time.clone())
            .collect::<Vec<_>>()
    };
    let first = build(&once, &job, &applied, later);
    assert_eq!(
        times(&build(
            &first,
            &job,
            &applied,
            Timestamp::from_second(200).unwrap()
        )),
        times(&first)
    );
}

#[test]
fn another_run_forgets_what_the_last_one_showed() {
    let mut before = built(
        ended(TaskTally {
            completed: 1,
            ..TaskTally::default()
        }),
        json!({}),
    );
    before.posts = vec![post_status(&post(0, "Hook"), false)];
    let obstacle = crate::content_job::resolve::Obstacle::new(
        crate::content_job::resolve::ObstacleKind::Reference,
        Reason::PersonaNotFound,
        "why",
    );
    let rows = Rows::Blocked {
        obstacle,
        waited_seconds: 0.0,
    };
    let applied = Applied {
        rows,
        workers: Workers::None,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    let after = build(
        &before,
        &valid(json!({ "runId": "again" })),
        &applied,
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(
        (after.posts.len(), after.counts, after.completed_at),
        (0, None, None)
    );
    assert_eq!(after.run_id.as_deref(), Some("again"));
}
