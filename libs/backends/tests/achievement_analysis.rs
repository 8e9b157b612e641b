//! The analysis worker's functions on a real Postgres.
#![allow(clippy::unwrap_used)]

#[path = "support/analyses.rs"]
mod analyses;
mod support;
#[path = "support/achievements.rs"]
mod told;

use analyses::{NAMESPACE, Scene, analysis, analyst, failure, merged, near, request};
use backends::postgres::{
    StoreError,
    achievements::{declare, record},
    worker_achievements::Analysed,
};
use domain::{
    achievement::{EvidenceKind, Finding},
    names,
    tasks::FailureClass,
};
use serde_json::{Value, json};
use std::time::Duration;
use told::{Telling, event, pull, tell};
use uuid::Uuid;

#[tokio::test]
async fn a_claim_tells_the_facts_and_a_commit_stores_what_was_concluded() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let deployed = event(EvidenceKind::Deployment, "9", &["merge1"]);
    tell(
        &scene.world.store,
        NAMESPACE,
        scene.source,
        &Telling::Event(deployed.clone()),
    )
    .await;
    let task = scene.claim().await.unwrap();
    assert_eq!((task.facts_version, task.subject.id), (2, id));
    assert_eq!(task.subject.evidence, [deployed]);
    assert_eq!(task.subject.pull_request.as_ref().unwrap().number, 1);
    assert_eq!(task.logins, ["maya", "tom"]);
    assert_eq!(task.embedding.as_ref().unwrap().duplicate_bp, 9500);
    assert!(scene.claim().await.is_none(), "one claim a task");
    let done = scene
        .worker
        .complete(&task, &analysis(55), Some(&near([1.0, 0.0], &[])))
        .await
        .unwrap();
    assert_eq!(
        done,
        Analysed {
            stored: true,
            stale: false,
            duplicate_of: None,
            duplicate_bp: None
        }
    );
    let row = scene.row(id).await;
    assert_eq!(
        [
            &row["impact_score"],
            &row["complexity_score"],
            &row["category"],
            &row["analyzed_version"]
        ],
        [&json!(55), &json!(12), &json!("performance"), &json!(2)]
    );
    assert_eq!(
        [
            &row["portfolio_ready"],
            &row["embedding_version"],
            &row["formula_version"],
            &row["facts_version"]
        ],
        [&json!(true), &json!(1), &json!(3), &json!(2)]
    );
    assert_eq!(
        scene
            .number("SELECT count(*) FROM achievement_tasks WHERE status = 'completed'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_task_is_queued_with_its_message_and_each_claim_has_one() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    const MESSAGES: &str =
        "SELECT count(*) FROM outbox WHERE type = 'achievement.analysis' AND task_id IS NULL";
    assert_eq!(scene.number(MESSAGES).await, 1);
    let unsent = scene.world.store.unsent_messages(10, &[]).await.unwrap();
    assert!(
        unsent[0].queue.starts_with("achievement.analysis.team-"),
        "{unsent:?}"
    );
    let task = scene.claim().await.unwrap();
    assert_eq!(
        scene.number(MESSAGES).await,
        0,
        "nobody needs to be woken for it any more"
    );
    scene.worker.release(&task).await.unwrap();
    let again = scene.world.store.unsent_messages(10, &[]).await.unwrap();
    assert_eq!((again[0].task_id, again[0].attempt), (task.id, 1));
    let task = scene.claim().await.unwrap();
    let status = scene
        .worker
        .fail(&task, &failure(FailureClass::Transient))
        .await
        .unwrap();
    assert_eq!(status, "queued");
    assert_eq!(
        scene
            .number("SELECT count(*) FROM outbox WHERE not_before > now() + interval '29 seconds'")
            .await,
        1,
        "the message waits as long as the task does"
    );
}

// FAULTS 22, 36: whoever lost the lease stores nothing.
#[tokio::test]
async fn faults_22_36_a_lost_lease_stores_nothing() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let first = scene.claim().await.unwrap();
    scene.worker.release(&first).await.unwrap();
    let second = scene.claim().await.unwrap();
    assert!(
        !scene
            .worker
            .extend(&first, Duration::from_secs(60))
            .await
            .unwrap()
    );
    assert!(
        scene
            .worker
            .extend(&second, Duration::from_secs(60))
            .await
            .unwrap()
    );
    for lost in [
        scene
            .worker
            .complete(&first, &analysis(90), None)
            .await
            .map(drop),
        scene
            .worker
            .fail(&first, &failure(FailureClass::Transient))
            .await
            .map(drop),
        scene.worker.release(&first).await,
    ] {
        assert!(matches!(lost, Err(StoreError::LeaseLost)), "{lost:?}");
    }
    assert_eq!(scene.row(id).await["analysis"], Value::Null);
    scene
        .worker
        .complete(&second, &analysis(10), None)
        .await
        .unwrap();
    // FAULTS 23: the reply was lost, the commit was not; a repeat finds that out.
    let again = scene.worker.complete(&second, &analysis(10), None).await;
    assert!(matches!(again, Err(StoreError::LeaseLost)));
}

#[tokio::test]
async fn facts_that_moved_on_keep_their_own_task() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let old = scene.claim().await.unwrap();
    let mut told_later = pull(1);
    told_later.title = "Another title".into();
    told_later.updated_at = "2026-11-03T10:00:01Z".parse().unwrap();
    scene.told(&told_later).await;
    let new = scene.claim().await.unwrap();
    let done = scene
        .worker
        .complete(&old, &analysis(10), None)
        .await
        .unwrap();
    assert!(done.stored && done.stale);
    let row = scene.row(id).await;
    assert_eq!(
        [&row["analyzed_version"], &row["facts_version"]],
        [&json!(1), &json!(2)]
    );
    scene
        .worker
        .complete(&new, &analysis(20), None)
        .await
        .unwrap();
    assert_eq!(scene.row(id).await["analyzed_version"], json!(2));
}

#[tokio::test]
async fn an_older_result_never_replaces_a_newer_one() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let old = scene.claim().await.unwrap();
    let mut told_later = pull(1);
    told_later.title = "Another title".into();
    told_later.updated_at = "2026-11-03T10:00:01Z".parse().unwrap();
    scene.told(&told_later).await;
    let new = scene.claim().await.unwrap();
    scene
        .worker
        .complete(&new, &analysis(20), None)
        .await
        .unwrap();
    assert!(
        !scene
            .worker
            .complete(&old, &analysis(10), None)
            .await
            .unwrap()
            .stored
    );
    assert_eq!(scene.row(id).await["impact_score"], json!(20));
}

// FAULTS 21, 37: bounded attempts that wait at least as long as the other side asked, then dead-lettered, once.
#[tokio::test]
async fn faults_21_37_attempts_are_bounded() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    let mut statuses = Vec::new();
    while let Some(task) = scene.claim().await {
        let status = scene
            .worker
            .fail(&task, &failure(FailureClass::Transient))
            .await
            .unwrap();
        assert!(
            scene.claim().await.is_none(),
            "nobody claims it before its time"
        );
        scene
            .sql("UPDATE achievement_tasks SET not_before = now() WHERE status = 'queued'")
            .await;
        statuses.push(status);
    }
    assert_eq!(
        statuses,
        ["queued", "queued", "queued", "queued", "dead_lettered"]
    );
    assert!(!scene.worker.state(&scene.request()).await.unwrap().open);
}

#[tokio::test]
async fn what_cannot_get_better_fails_at_once() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    let task = scene.claim().await.unwrap();
    let status = scene
        .worker
        .fail(&task, &failure(FailureClass::Invalid))
        .await
        .unwrap();
    assert_eq!(status, "failed");
}

// FAULTS 58: another namespace's login sees nothing, whatever ids it knows.
#[tokio::test]
async fn faults_58_another_namespace_gets_nothing() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    let stranger = analyst(&scene.world, "other").await;
    assert!(stranger.claim(&scene.request()).await.unwrap().is_none());
    assert!(
        stranger
            .claim(&request(Uuid::nil()))
            .await
            .unwrap()
            .is_none()
    );
    assert!(!stranger.state(&scene.request()).await.unwrap().open);
    let task = scene.claim().await.unwrap();
    let foreign = stranger.complete(&task, &analysis(99), None).await;
    assert!(matches!(foreign, Err(StoreError::LeaseLost)));
    assert!(
        !stranger
            .extend(&task, Duration::from_secs(60))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn only_pods_with_the_sources_own_secrets_claim() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    let mut outdated = scene.request();
    outdated.credentials_digest = "before the rotation".into();
    assert!(scene.worker.claim(&outdated).await.unwrap().is_none());
    assert!(!scene.worker.state(&outdated).await.unwrap().open);
    for held in [
        "collection = NULL",
        "suspended = true",
        "gone_at = now()",
        "credentials_digest = 'new'",
    ] {
        scene
            .sql(&format!("UPDATE achievement_sources SET {held}"))
            .await;
        assert!(scene.claim().await.is_none(), "{held}");
        assert!(
            !scene.worker.state(&scene.request()).await.unwrap().open,
            "{held}"
        );
        scene
            .sql("UPDATE achievement_sources SET collection = 'c', suspended = false, gone_at = NULL, credentials_digest = 'credentials'")
            .await;
    }
    assert!(scene.claim().await.is_some());
}

#[tokio::test]
async fn a_persons_field_wins_over_what_analysis_says() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let task = scene.claim().await.unwrap();
    let mut transaction = scene.world.store.begin().await.unwrap();
    declare::declare(
        &mut transaction,
        NAMESPACE,
        &declare::Declaration {
            identity: &names::pull_request_identity("github.com", told::REPOSITORY, 1),
            origin: &declare::Origin::default(),
            overrides: &json!({"category": "security"}),
            patch: true,
            revive: false,
        },
    )
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    scene
        .worker
        .complete(&task, &analysis(55), None)
        .await
        .unwrap();
    assert_eq!(scene.row(id).await["category"], json!("security"));
}

#[tokio::test]
async fn a_record_that_carries_a_secret_or_was_deleted_is_no_part_of_a_portfolio() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.told(&pull(1)).await;
    let mut found = analysis(80);
    found.findings = vec![Finding {
        kind: "secret".into(),
        detail: "description: a key".into(),
    }];
    scene
        .worker
        .complete(&scene.claim().await.unwrap(), &found, None)
        .await
        .unwrap();
    assert_eq!(scene.row(id).await["portfolio_ready"], json!(false));
    scene.told(&pull(2)).await;
    let task = scene.claim().await.unwrap();
    let mut transaction = scene.world.store.begin().await.unwrap();
    record::tombstone(&mut transaction, NAMESPACE, task.subject.id, "maya")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert!(
        !scene
            .worker
            .extend(&task, Duration::from_secs(60))
            .await
            .unwrap()
    );
    assert!(
        !scene
            .worker
            .complete(&task, &analysis(80), None)
            .await
            .unwrap()
            .stored
    );
}

#[tokio::test]
async fn of_two_alike_the_later_is_the_duplicate_whichever_was_analysed_first() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let later = scene.analysed(1, 9, "maya", [1.0, 0.0]).await;
    // A backfill goes back in time; neither point is in the index yet (FAULTS 29).
    let earlier = scene.analysed(2, 3, "Maya", [0.999, 0.04]).await;
    let strangers = scene.analysed(3, 4, "tom", [1.0, 0.0]).await;
    let different = scene.analysed(4, 5, "maya", [0.0, 1.0]).await;
    assert_eq!(scene.original(later).await, Some(earlier));
    assert_eq!(scene.original(earlier).await, None);
    assert_eq!(scene.original(strangers).await, None);
    assert_eq!(scene.original(different).await, None);
    let earliest = scene.analysed(5, 1, "maya", [1.0, 0.0]).await;
    assert_eq!(scene.original(later).await, Some(earliest));
    assert_eq!(scene.original(earlier).await, Some(earliest));
    assert!(scene.row(later).await["duplicate_bp"].as_i64().unwrap() >= 9500);
}

#[tokio::test]
async fn of_several_originals_the_earliest_is_linked() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let second = scene.analysed(1, 3, "maya", [1.0, 0.0]).await;
    let earliest = scene.analysed(2, 1, "maya", [1.0, 0.0]).await;
    let third = scene.analysed(3, 5, "maya", [1.0, 0.0]).await;
    for duplicate in [second, third] {
        assert_eq!(scene.original(duplicate).await, Some(earliest));
    }
    assert_eq!(scene.original(earliest).await, None);
}

#[tokio::test]
async fn what_the_index_found_is_measured_again_and_what_is_not_alike_any_more_is_free() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let first = scene.analysed(1, 1, "maya", [1.0, 0.0]).await;
    let foreign = scene.analysed(2, 1, "tom", [1.0, 0.0]).await;
    scene
        .sql("UPDATE achievements SET point_version = embedding_version")
        .await;
    scene
        .sql("UPDATE achievements SET point_stored_at = now() - interval '1 hour'")
        .await;
    let second = scene.told(&merged(3, 5, "maya")).await;
    let task = scene.claim().await.unwrap();
    let found = near([1.0, 0.0], &[foreign, first, Uuid::new_v4()]);
    let done = scene
        .worker
        .complete(&task, &analysis(40), Some(&found))
        .await
        .unwrap();
    assert_eq!(
        (done.duplicate_of, done.duplicate_bp),
        (Some(first), Some(10_000))
    );
    // The first record's text changes, and its vector with it.
    let mut changed = merged(1, 1, "maya");
    changed.title = "Something else".into();
    changed.updated_at = "2026-11-08T10:00:00Z".parse().unwrap();
    scene.told(&changed).await;
    let task = scene.claim().await.unwrap();
    assert_eq!(task.subject.id, first);
    scene
        .worker
        .complete(&task, &analysis(40), Some(&near([0.0, 1.0], &[])))
        .await
        .unwrap();
    assert_eq!(scene.original(second).await, None);
    let row = scene.row(first).await;
    assert_eq!(
        [&row["embedding_version"], &row["point_version"]],
        [&json!(2), &json!(1)],
        "the point is behind and will be stored again"
    );
}

#[tokio::test]
async fn a_person_overrules_what_counts_as_a_duplicate() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.analysed(1, 1, "maya", [1.0, 0.0]).await;
    let second = scene.told(&merged(2, 5, "maya")).await;
    let task = scene.claim().await.unwrap();
    scene
        .sql(&format!(
            r#"UPDATE achievements SET overrides = '{{"duplicateOf": "none"}}' WHERE id = '{second}'"#
        ))
        .await;
    let done = scene
        .worker
        .complete(&task, &analysis(40), Some(&near([1.0, 0.0], &[])))
        .await
        .unwrap();
    assert_eq!(done.duplicate_of, None);
    // Nor does an earlier one that is analysed later link it.
    scene.analysed(3, 1, "maya", [1.0, 0.0]).await;
    assert_eq!(scene.original(second).await, None);
}

// FAULTS 14: one record that cannot be read holds no other back.
#[tokio::test]
async fn faults_14_an_unreadable_record_fails_alone() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let poison = scene.told(&pull(1)).await;
    let sound = scene.told(&pull(2)).await;
    scene
        .sql(&format!(
            r#"UPDATE achievements SET people = '[{{"login": "maya", "role": "king"}}]' WHERE id = '{poison}'"#
        ))
        .await;
    assert_eq!(scene.claim().await.unwrap().subject.id, sound);
    assert_eq!(
        scene
            .number("SELECT count(*) FROM achievement_tasks WHERE error_code = 'Unreadable' AND status = 'queued' AND retry_count = 1")
            .await,
        1
    );
}
