//! Scenarios of the whole reconcile, over an API server in memory and a real Postgres.
#![allow(clippy::unwrap_used)]

mod crashes;
mod deletion;
mod experiments;

use super::testing::{
    UID, annotated, condition,
    scenario::{JOB_PATH, JOBS, PERSONA_PATH, Scenario, secret},
};
use crate::content_job::job::WorkerSettings;
use crds::{ConditionType, common::meta::ANNOTATION_RETRY, content_job::ContentJobPhase};
use domain::tasks::TokenUsage;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};
use std::time::Duration;

fn with_end(mut job: Job, type_: &str) -> Job {
    job.status = serde_json::from_value(json!({ "conditions": [
        { "type": type_, "status": "True", "reason": "Why", "message": "", "lastTransitionTime": "2026-11-23T00:00:05Z" },
    ]}))
    .unwrap();
    job
}

/// The whole life of a job in three writes of its status.
#[tokio::test]
async fn a_job_is_accepted_runs_and_completes_in_three_status_writes() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    let outcome = scenario.reconcile().await.unwrap();
    let told: Vec<&str> = outcome.notices.iter().map(|notice| notice.reason).collect();
    assert_eq!(told, ["Accepted", "TasksCreated", "WorkerJobCreated"]);
    let status = scenario.status();
    assert_eq!(status.phase, Some(ContentJobPhase::Queued));
    assert_eq!(
        condition(&status, ConditionType::Accepted),
        "True/Succeeded"
    );
    assert_eq!(
        condition(&status, ConditionType::Ready),
        "False/WaitingForWorker"
    );
    assert_eq!(
        scenario.worker_jobs()[0].spec.as_ref().unwrap().parallelism,
        Some(1)
    );
    assert_eq!(
        status.job_ref.unwrap().name,
        scenario.worker_jobs()[0].metadata.name.clone().unwrap()
    );

    scenario.execute("UPDATE outbox SET sent_at = now()").await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.api.writes("/status"),
        1,
        "that the message was sent waits for the next write"
    );

    let worker = scenario.worker().await;
    let task = scenario.claim(&worker).await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status().phase, Some(ContentJobPhase::Running));
    worker
        .release(&task, "m", &TokenUsage::default())
        .await
        .unwrap();
    scenario.work(1).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert!(
        outcome
            .notices
            .iter()
            .any(|notice| notice.reason == "Completed")
    );
    let status = scenario.status();
    assert_eq!(status.phase, Some(ContentJobPhase::Succeeded));
    assert_eq!(status.progress.as_deref(), Some("1/1"));
    assert_eq!(status.usage.unwrap().total_tokens, 17);
    assert_eq!(status.posts[0].hook.as_deref(), Some("Hook 0"));
    assert!(status.posts[0].stand_in);
    for (type_, expected) in [
        (ConditionType::Finished, "True/AllSucceeded"),
        (ConditionType::Complete, "True/AllSucceeded"),
        (ConditionType::Failed, "False/AllSucceeded"),
        (ConditionType::Ready, "True/AllSucceeded"),
        (ConditionType::Stalled, "False/AllSucceeded"),
    ] {
        assert_eq!(condition(&status, type_), expected, "{type_}");
    }
    scenario.tell(with_end(scenario.worker_jobs().remove(0), "Complete"));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes("/status"), 3);
    assert_eq!(scenario.worker_jobs().len(), 1);
}

/// People wait for the word, and the worker Job takes longest: it comes first, and is no write more.
#[tokio::test]
async fn accepted_is_said_before_the_worker_job_is_made_and_once() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let writes: Vec<String> = scenario
        .api
        .state()
        .requests
        .iter()
        .filter(|(method, _)| method != http::Method::GET)
        .map(|(_, path)| path.clone())
        .collect();
    assert_eq!(writes, [format!("{JOB_PATH}/status"), JOBS.to_owned()]);
}

/// A job that found no place, and has its worker Job later than the pace of words: still three writes in its life.
#[tokio::test]
async fn a_job_that_waited_for_a_place_completes_in_three_status_writes() {
    let Some(mut scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    let settings = |limit| {
        std::sync::Arc::new(WorkerSettings {
            install: "threads".into(),
            image: "worker:dev".into(),
            image_pull_policy: "IfNotPresent".into(),
            pods_limit: limit,
            traces_endpoint: None,
        })
    };
    scenario.world.workers = settings(Some(0));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Ready),
        "False/ConcurrencyLimited"
    );
    scenario.world.last_writes.age(UID, Duration::from_secs(60));
    scenario.world.workers = settings(None);
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.worker_jobs().len(), 1);
    assert_eq!(
        scenario.api.writes("/status"),
        1,
        "the worker Job is told of with what it does"
    );
    let worker = scenario.worker().await;
    let task = scenario.claim(&worker).await;
    scenario.reconcile().await.unwrap();
    assert!(scenario.status().job_ref.is_some());
    worker
        .release(&task, "m", &TokenUsage::default())
        .await
        .unwrap();
    scenario.work(1).await;
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status().phase, Some(ContentJobPhase::Succeeded));
    assert_eq!(scenario.api.writes("/status"), 3);
}

/// What a person waits for costs one flush of the database's log: rows and place come in one transaction.
#[tokio::test]
async fn rows_and_place_are_written_in_one_transaction() {
    let Some(scenario) = Scenario::create(json!({ "count": 2, "parallelism": 5 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let same = "SELECT count(*) FROM content_runs run JOIN tasks task ON task.run_id = run.id AND task.xmin = run.xmin
        JOIN outbox message ON message.task_id = task.id AND message.xmin = run.xmin WHERE run.job_pods = 2";
    assert_eq!(scenario.count(same).await, 2);
}

/// The connection that hears of progress is lost: whoever waits is told why figures come late, and that it is over.
#[tokio::test]
async fn a_job_says_that_it_is_seen_by_polls_alone() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.listening.send_replace(false);
    scenario.world.last_writes.forget(UID);
    scenario.reconcile().await.unwrap();
    let status = scenario.status();
    assert_eq!(
        condition(&status, ConditionType::Reconciling),
        "True/NotificationsLost"
    );
    assert_eq!(
        condition(&status, ConditionType::Ready),
        "False/WaitingForWorker"
    );
    scenario.listening.send_replace(true);
    scenario.world.last_writes.forget(UID);
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Reconciling),
        "True/WaitingForWorker"
    );
}

#[tokio::test]
async fn a_missing_persona_is_waited_for_and_stalls_after_five_minutes_across_a_restart() {
    let Some(mut scenario) = Scenario::create(json!({})).await else {
        return;
    };
    let persona = scenario.api.state().objects.remove(PERSONA_PATH).unwrap();
    let outcome = scenario.reconcile().await.unwrap();
    assert!(outcome.again.is_some());
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "False/PersonaNotFound"
    );
    assert_eq!(
        condition(&scenario.status(), ConditionType::Reconciling),
        "True/PersonaNotFound"
    );
    assert_eq!(
        condition(&scenario.status(), ConditionType::Stalled),
        "False/PersonaNotFound"
    );
    scenario
        .execute("UPDATE waits SET since = since - interval '301 seconds'")
        .await;
    scenario.restart();
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status().phase, Some(ContentJobPhase::Stalled));
    assert!(scenario.status().waiting_reason.unwrap().contains("maya"));
    scenario.api.put(PERSONA_PATH, persona);
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Accepted),
        "True/Succeeded"
    );
    assert_eq!(
        scenario.status().waiting_reason.as_deref(),
        Some("3 tasks wait for a worker")
    );
    assert_eq!(scenario.count("SELECT count(*) FROM waits").await, 0);
}

#[tokio::test]
async fn a_secret_that_lost_its_label_gets_no_worker_job() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    let path = "/api/v1/namespaces/a/secrets/keys";
    scenario
        .api
        .edit(path, |secret| secret["metadata"]["labels"] = json!({}));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Ready),
        "False/SecretNotLabelled"
    );
    assert!(scenario.worker_jobs().is_empty());
    assert_eq!(scenario.status().job_ref, None, "announced, and not made");
    assert_eq!(
        scenario
            .count("SELECT sum(job_pods)::bigint FROM content_runs")
            .await,
        0,
        "its place goes to others"
    );
    scenario.api.put(path, secret());
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.worker_jobs().len(), 1);
}

#[tokio::test]
async fn a_suspended_job_starts_nothing_and_a_resumed_one_goes_on() {
    let Some(scenario) = Scenario::create(json!({ "suspend": true })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.status().phase, Some(ContentJobPhase::Suspended));
    assert_eq!(scenario.count("SELECT count(*) FROM tasks").await, 0);
    scenario
        .api
        .edit(JOB_PATH, |job| job["spec"]["suspend"] = json!(false));
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.worker_jobs().len(), 1);
    scenario
        .api
        .edit(JOB_PATH, |job| job["spec"]["suspend"] = json!(true));
    scenario.reconcile().await.unwrap();
    assert!(scenario.worker_jobs().is_empty());
    assert_eq!(
        condition(&scenario.status(), ConditionType::Ready),
        "False/Suspended"
    );
    assert_eq!(
        scenario
            .count("SELECT sum(job_pods)::bigint FROM content_runs")
            .await,
        0
    );
}

#[tokio::test]
async fn a_cancelled_job_ends_and_gives_its_tokens_back() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.work(1).await;
    scenario
        .api
        .edit(JOB_PATH, |job| job["spec"]["cancel"] = json!(true));
    scenario.reconcile().await.unwrap();
    let status = scenario.status();
    assert_eq!(status.phase, Some(ContentJobPhase::Cancelled));
    assert_eq!(
        condition(&status, ConditionType::Finished),
        "True/Cancelled"
    );
    assert_eq!(
        condition(&status, ConditionType::Complete),
        "False/Cancelled"
    );
    assert_eq!(condition(&status, ConditionType::Failed), "False/Cancelled");
    assert_eq!(
        scenario
            .count("SELECT sum(tokens_reserved)::bigint FROM content_runs")
            .await,
        0
    );
    assert_eq!(status.counts.unwrap().cancelled, 2);
}

#[tokio::test]
async fn a_failed_worker_job_is_replaced_by_the_next_one() {
    let Some(scenario) = Scenario::create(json!({})).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    let first = scenario.worker_jobs().remove(0);
    scenario.tell(with_end(first.clone(), "Failed"));
    scenario.reconcile().await.unwrap();
    let names: Vec<String> = scenario
        .worker_jobs()
        .into_iter()
        .map(|job| job.metadata.name.unwrap())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(
        names.iter().any(|name| name.starts_with("launch-2-")),
        "{names:?}"
    );
    assert_eq!(
        scenario
            .count("SELECT job_ordinal::bigint FROM content_runs")
            .await,
        2
    );
}

#[tokio::test]
async fn another_run_id_runs_anew_and_tells_of_the_new_run() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.work(1).await;
    scenario.reconcile().await.unwrap();
    scenario
        .api
        .edit(JOB_PATH, |job| job["spec"]["runId"] = json!("again"));
    scenario.reconcile().await.unwrap();
    let status = scenario.status();
    assert_eq!(status.run_id.as_deref(), Some("again"));
    assert!(status.posts.is_empty() && status.completed_at.is_none());
    assert_eq!(
        condition(&status, ConditionType::Finished),
        "False/Progressing"
    );
    assert_eq!(
        scenario.count("SELECT count(*) FROM posts").await,
        1,
        "the first run's post stays"
    );
}

#[tokio::test]
async fn a_retry_gives_failed_tasks_fresh_attempts_once() {
    let Some(scenario) = Scenario::create(json!({ "count": 1 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.execute("UPDATE tasks SET status = 'dead_lettered', error_code = 'Timeout', completed_at = now()").await;
    scenario.reconcile().await.unwrap();
    let status = scenario.status();
    assert_eq!(status.phase, Some(ContentJobPhase::Failed));
    assert_eq!(
        condition(&status, ConditionType::Failed),
        "True/AttemptsExhausted"
    );
    assert_eq!(
        condition(&status, ConditionType::DeadLettered),
        "True/AttemptsExhausted"
    );
    assert_eq!(
        condition(&status, ConditionType::Stalled),
        "True/NoneSucceeded"
    );
    // People are told, once: not at every look, and not as stalled as well.
    scenario.reconcile().await.unwrap();
    let told = "SELECT string_agg(topic || ' ' || name, ',') FROM notifications";
    let told: Option<String> = sqlx::query_scalar(told)
        .fetch_one(scenario.world.store.pool())
        .await
        .unwrap();
    assert_eq!(told.as_deref(), Some("failed launch"));
    let asks = |value: Value| {
        move |job: &mut Value| job["metadata"]["annotations"] = json!({ ANNOTATION_RETRY: value })
    };
    scenario.api.edit(JOB_PATH, asks(json!("failed")));
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Finished),
        "False/Progressing"
    );
    assert_eq!(scenario.status().counts.unwrap().queued, 1);
    scenario
        .execute("UPDATE tasks SET status = 'failed', completed_at = now()")
        .await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        scenario.status().phase,
        Some(ContentJobPhase::Failed),
        "the same value asks once"
    );
    assert_eq!(
        annotated(json!({ ANNOTATION_RETRY: "failed" }))
            .verbs
            .retry
            .as_deref(),
        Some("failed")
    );
}

/// FAULTS 26.
#[tokio::test]
async fn a_task_row_deleted_by_hand_is_rebuilt_from_its_post_and_a_deleted_post_is_reported() {
    let Some(scenario) = Scenario::create(json!({ "count": 2 })).await else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.work(2).await;
    scenario.reconcile().await.unwrap();
    scenario.execute("DELETE FROM tasks WHERE index = 0").await;
    let outcome = scenario.reconcile().await.unwrap();
    assert!(
        outcome
            .notices
            .iter()
            .any(|notice| notice.reason == "Drifted" && notice.warning)
    );
    assert_eq!(
        condition(&scenario.status(), ConditionType::Drifted),
        "False/Repaired"
    );
    assert_eq!(
        scenario
            .count("SELECT count(*) FROM tasks WHERE status = 'completed'")
            .await,
        2
    );
    let writes = scenario.api.writes("");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes(""), writes);
    scenario.execute("DELETE FROM posts WHERE index = 1").await;
    scenario.reconcile().await.unwrap();
    assert_eq!(
        condition(&scenario.status(), ConditionType::Drifted),
        "True/DriftReported"
    );
    assert_eq!(
        condition(&scenario.status(), ConditionType::Finished),
        "True/AllSucceeded"
    );
}

#[tokio::test]
async fn after_its_time_the_worker_job_is_gone_and_the_status_short() {
    let Some(scenario) =
        Scenario::create(json!({ "count": 1, "ttlSecondsAfterFinished": 60 })).await
    else {
        return;
    };
    scenario.reconcile().await.unwrap();
    scenario.work(1).await;
    let outcome = scenario.reconcile().await.unwrap();
    assert!(
        outcome.again.is_some(),
        "it looks again when the time has passed"
    );
    scenario
        .execute("UPDATE content_runs SET finished_at = finished_at - interval '2 minutes'")
        .await;
    let outcome = scenario.reconcile().await.unwrap();
    assert_eq!(outcome.again, None);
    let status = scenario.status();
    assert_eq!(
        (status.posts[0].hook.as_ref(), status.job_ref),
        (None, None)
    );
    assert_eq!(status.posts[0].digest, "hash");
    assert!(scenario.worker_jobs().is_empty());
    let writes = scenario.api.writes("");
    scenario.reconcile().await.unwrap();
    assert_eq!(scenario.api.writes(""), writes);
}
