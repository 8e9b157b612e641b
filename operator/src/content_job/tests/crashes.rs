//! A process that dies after any of its writes, and whoever repeats them.

use crate::content_job::testing::{
    condition,
    scenario::{JOB_PATH, JOBS, Scenario},
};
use crds::ConditionType;
use serde_json::json;

/// FAULTS 6, 8, 10: whichever write's answer is lost, one run with its tasks and one worker Job stand in the end.
#[tokio::test]
async fn a_crash_after_any_write_leaves_one_run_and_one_worker_job() {
    for lost in 0..3 {
        let Some(mut scenario) = Scenario::create(json!({ "deletionPolicy": "Delete" })).await
        else {
            return;
        };
        scenario.api.state().lose_answer_after = Some(lost);
        let first = scenario.reconcile().await;
        assert!(first.is_err(), "write {lost} was lost");
        scenario.restart();
        scenario.reconcile().await.unwrap();
        assert_eq!(scenario.worker_jobs().len(), 1, "write {lost} was lost");
        assert_eq!(scenario.count("SELECT count(*) FROM content_runs").await, 1);
        assert_eq!(
            scenario
                .count("SELECT count(*) FROM tasks WHERE status = 'queued'")
                .await,
            3
        );
        assert_eq!(scenario.count("SELECT count(*) FROM outbox").await, 3);
        assert_eq!(
            condition(&scenario.status(), ConditionType::Accepted),
            "True/Succeeded"
        );
        let writes = scenario.api.writes("");
        scenario.reconcile().await.unwrap();
        assert_eq!(scenario.api.writes(""), writes, "converged");
    }
}

/// FAULTS 6: the watch has not told of the Job that was just made.
#[tokio::test]
async fn a_watch_that_lags_makes_no_second_job() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    for _ in 0..3 {
        scenario.reconcile().await.unwrap();
    }
    assert_eq!(scenario.api.writes(JOBS), 1);
}

/// FAULTS 12: a leader that was replaced writes neither rows nor objects.
#[tokio::test]
async fn a_replaced_leader_writes_nothing() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    let next =
        backends::postgres::operator::OperatorStore::lead(&scenario.database.operator_url, "next")
            .await
            .unwrap();
    let error = scenario.reconcile().await.unwrap_err();
    // Its connections were ended; on a new one it finds the epoch gone.
    let error = if error.class == crate::controller::ErrorClass::Fenced {
        error
    } else {
        scenario.reconcile().await.unwrap_err()
    };
    assert_eq!(error.class, crate::controller::ErrorClass::Fenced);
    assert!(scenario.worker_jobs().is_empty());
    let runs: i64 = sqlx::query_scalar("SELECT count(*) FROM content_runs")
        .fetch_one(next.pool())
        .await
        .unwrap();
    assert_eq!(runs, 0);
}

/// FAULTS 4: a field that another manager wrote in between is not lost, and the status is written by the next pass.
#[tokio::test]
async fn a_conflict_is_repeated_with_the_object_as_it_is_then() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    let stale = scenario.object();
    scenario.api.edit(JOB_PATH, |job| {
        job["metadata"]["labels"] = json!({ "team": "x" })
    });
    assert!(
        super::super::reconcile_in(&scenario.world, stale)
            .await
            .is_err()
    );
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.object().metadata.labels.unwrap()["team"], "x");
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "True/Succeeded"
    );
    assert_eq!(scenario.worker_jobs().len(), 1);
}
