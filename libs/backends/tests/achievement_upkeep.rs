//! Analyses that no worker ends, points, and rescoring, on a real Postgres.
#![allow(clippy::unwrap_used)]

#[path = "support/analyses.rs"]
mod analyses;
mod support;
#[path = "support/achievements.rs"]
mod told;

use analyses::{NAMESPACE, Scene, analysis, near, request};
use backends::postgres::{
    StoreError,
    achievements::record::tombstone,
    operator::{OperatorStore, achievements::SweptAnalyses},
};
use serde_json::json;
use told::{pull, source};
use uuid::Uuid;

const COLLECTION: &str = "achievements_team";

async fn delete(scene: &Scene, id: Uuid) {
    let mut transaction = scene.world.store.begin().await.unwrap();
    tombstone(&mut transaction, NAMESPACE, id, "maya")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

// FAULTS 34: a worker that was lost is no attempt, and it is lost a bounded number of times.
#[tokio::test]
async fn faults_34_a_lost_worker_gives_its_task_back() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    let store = &scene.world.store;
    for lost in 1..=5 {
        let task = scene.claim().await.unwrap();
        assert_eq!(task.retry_count, 0);
        assert_eq!(
            store.sweep_analyses().await.unwrap(),
            SweptAnalyses::default(),
            "a lease that holds is left alone"
        );
        scene
            .sql("UPDATE achievement_tasks SET lease_until = now() - interval '1 second' WHERE status = 'processing'")
            .await;
        let swept = store.sweep_analyses().await.unwrap();
        assert_eq!(
            (swept.expired, swept.system_failed),
            (1, u64::from(lost == 5))
        );
        let late = scene.worker.complete(&task, &analysis(9), None).await;
        assert!(matches!(late, Err(StoreError::LeaseLost)));
        scene
            .sql("UPDATE achievement_tasks SET not_before = now()")
            .await;
    }
    assert_eq!(
        scene
            .number("SELECT count(*) FROM achievement_tasks WHERE status = 'failed' AND error_code = 'SystemFailures'")
            .await,
        1
    );
}

#[tokio::test]
async fn tasks_of_a_source_that_is_gone_go_to_the_one_that_is_left_and_back_to_none() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    scene.told(&pull(1)).await;
    scene
        .sql("UPDATE achievement_sources SET gone_at = now()")
        .await;
    let store = &scene.world.store;
    assert_eq!(store.sweep_analyses().await.unwrap().moved, 1);
    assert_eq!(store.sweep_analyses().await.unwrap().moved, 0);
    assert!(
        scene
            .worker
            .state(&request(Uuid::nil()))
            .await
            .unwrap()
            .open
    );
    let other = source(store, NAMESPACE).await;
    assert_eq!(
        store.sweep_analyses().await.unwrap().moved,
        1,
        "any source's workers can do what is not compared"
    );
    scene
        .sql("UPDATE achievement_tasks SET source_uid = NULL")
        .await;
    scene
        .sql(&format!(
            r#"UPDATE achievement_sources SET collection = 'c', settings = settings || '{{"embedding": {{"endpoint": "http://llm.test/v1",
            "model": "m", "dimensions": 2, "key": false, "duplicateBp": 9000}}}}' WHERE uid = '{other}'"#
        ))
        .await;
    assert_eq!(store.sweep_analyses().await.unwrap().moved, 1);
    let task = scene.worker.claim(&request(other)).await.unwrap().unwrap();
    assert_eq!(task.collection.as_deref(), Some("c"));
}

// FAULTS 12: a leader that was replaced sweeps nothing.
#[tokio::test]
async fn faults_12_a_replaced_leader_changes_nothing() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let _newer = OperatorStore::lead(&scene.world.database.operator_url, "newer")
        .await
        .unwrap();
    assert!(scene.world.store.sweep_analyses().await.is_err());
}

// FAULTS 29, 31, 33: points are behind until they are told to be stored, each with the version it was made from.
#[tokio::test]
async fn faults_31_33_points_follow_the_rows() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.analysed(1, 3, "Maya", [1.0, 0.0]).await;
    let store = &scene.world.store;
    assert_eq!(
        store.achievement_collections_behind().await.unwrap(),
        [COLLECTION]
    );
    let pending = store.pending_achievements(COLLECTION, 10).await.unwrap();
    assert_eq!((pending[0].id, pending[0].embedding_version), (id, 1));
    assert_eq!(pending[0].logins, ["maya"]);
    store
        .note_achievement_points(COLLECTION, &[(id, 1)])
        .await
        .unwrap();
    assert!(
        store
            .achievement_collections_behind()
            .await
            .unwrap()
            .is_empty()
    );
    // Somebody else turns out to have had a part in it.
    scene
        .sql("UPDATE achievements SET logins = '{ann,maya}'")
        .await;
    let pending = store.pending_achievements(COLLECTION, 10).await.unwrap();
    assert_eq!(pending[0].embedding_version, 2);
    // What is told late of an older version does not hide the newer one.
    store
        .note_achievement_points(COLLECTION, &[(id, 1)])
        .await
        .unwrap();
    assert_eq!(
        store
            .pending_achievements(COLLECTION, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    store
        .note_achievement_points(COLLECTION, &[(id, 2)])
        .await
        .unwrap();
    assert_eq!(
        store.rebuild_achievement_points(COLLECTION).await.unwrap(),
        1
    );
    assert_eq!(
        store
            .pending_achievements(COLLECTION, 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

// FAULTS 44: the point of a deleted record goes, and what said the same stands for itself.
#[tokio::test]
async fn faults_44_a_deleted_record_leaves_no_point_and_no_duplicates() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let first = scene.analysed(1, 1, "maya", [1.0, 0.0]).await;
    let second = scene.analysed(2, 2, "maya", [1.0, 0.0]).await;
    let store = &scene.world.store;
    assert_eq!(scene.original(second).await, Some(first));
    store
        .note_achievement_points(COLLECTION, &[(first, 1), (second, 1)])
        .await
        .unwrap();
    delete(&scene, first).await;
    assert_eq!(scene.original(second).await, None);
    let gone = store
        .deleted_achievement_points(COLLECTION, 10)
        .await
        .unwrap();
    assert_eq!(gone, [first]);
    store
        .note_achievement_points_gone(COLLECTION, &gone)
        .await
        .unwrap();
    assert!(
        store
            .achievement_collections_behind()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn rescoring_queues_each_analysed_record_once_and_announces_nothing() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let id = scene.analysed(1, 1, "maya", [1.0, 0.0]).await;
    scene
        .sql("UPDATE achievements SET announced_job = 'announce-it', announced_at = now()")
        .await;
    scene.told(&pull(2)).await;
    let reader = OperatorStore::read_only(&scene.world.database.operator_url).unwrap();
    assert_eq!(reader.rescore("other").await.unwrap(), 0);
    assert_eq!(
        reader.rescore(NAMESPACE).await.unwrap(),
        1,
        "the second was never analysed and waits anyway"
    );
    assert_eq!(
        reader.rescore(NAMESPACE).await.unwrap(),
        0,
        "it waits already"
    );
    assert_eq!(
        scene
            .number("SELECT count(*) FROM outbox WHERE type = 'achievement.analysis' AND sent_at IS NULL")
            .await,
        2
    );
    while let Some(task) = scene.claim().await {
        scene
            .worker
            .complete(&task, &analysis(77), Some(&near([1.0, 0.0], &[])))
            .await
            .unwrap();
    }
    let row = scene.row(id).await;
    assert_eq!(
        [
            &row["impact_score"],
            &row["announced_job"],
            &row["facts_version"]
        ],
        [&json!(77), &json!("announce-it"), &json!(1)]
    );
    assert_eq!(reader.rescore(NAMESPACE).await.unwrap(), 2);
    assert_eq!(
        scene
            .number("SELECT count(DISTINCT rescoring) FROM achievement_tasks")
            .await,
        3,
        "0, 1 and 2"
    );
}

// FAULTS 44: with a source that takes its records along go their points, whether or not they were known to be stored.
#[tokio::test]
async fn faults_44_a_purged_source_leaves_no_points() {
    let Some(scene) = Scene::create().await else {
        return;
    };
    let mut both = [
        scene.analysed(1, 1, "maya", [1.0, 0.0]).await,
        scene.analysed(2, 2, "maya", [0.0, 1.0]).await,
    ];
    both.sort_unstable();
    let store = &scene.world.store;
    store
        .note_achievement_points(COLLECTION, &[(both[0], 1)])
        .await
        .unwrap();
    store.purge_source(scene.source).await.unwrap();
    assert_eq!(
        store.achievement_collections_behind().await.unwrap(),
        [COLLECTION]
    );
    let mut gone = store
        .deleted_achievement_points(COLLECTION, 10)
        .await
        .unwrap();
    gone.sort_unstable();
    assert_eq!(gone, both);
    store
        .note_achievement_points_gone(COLLECTION, &gone)
        .await
        .unwrap();
    let behind = store.achievement_collections_behind().await.unwrap();
    assert!(behind.is_empty(), "{behind:?}");
}
