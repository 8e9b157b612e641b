//! `worker analyse` over the real rows, with an index and an endpoint in memory. Skipped, with a line that says so, where no Postgres
//! is offered.
#![allow(clippy::unwrap_used)]

use crate::support::{Silence, analysis::Office};
use domain::tasks::FailureClass;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;
use worker::{analyse::Ended, consume::Exit, failure};

#[tokio::test]
async fn records_are_analysed_compared_and_committed_until_none_waits() {
    let Some(office) = Office::create().await else {
        return;
    };
    let first = office.record("The start is faster", "maya", 1).await;
    let second = office.record("The start is faster", "maya", 2).await;
    let other = office
        .record("Invoices in three languages", "maya", 3)
        .await;
    let exit = office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(exit, Exit::RunClosed);
    assert_eq!(office.column(first, "impact_score").await, json!(42));
    assert_eq!(office.column(first, "duplicate_of").await, json!(null));
    assert_eq!(office.column(second, "duplicate_of").await, json!(first));
    assert_eq!(office.column(other, "duplicate_of").await, json!(null));
    assert_eq!(office.column(other, "embedding_version").await, json!(1));
    assert_eq!(office.tasks("completed").await, 3);
}

#[tokio::test]
async fn what_only_the_index_remembers_is_found_there_and_measured_in_the_rows() {
    let Some(office) = Office::create().await else {
        return;
    };
    let first = office.record("The start is faster", "maya", 1).await;
    let strangers = office.record("The start is faster", "tom", 1).await;
    office.desk().consume(&mut Silence).await.unwrap();
    office.store_points_long_ago().await;
    office.index.set(vec![strangers, first]);
    let second = office.record("The start is faster", "maya", 2).await;
    office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(office.column(second, "duplicate_of").await, json!(first));
    let asked = office.index.asked();
    assert_eq!(asked.last().unwrap().0, ["maya"]);
}

// FAULTS 29: an index that is down holds no analysis back, and hides no duplicate.
#[tokio::test]
async fn faults_29_without_the_index_rows_are_compared() {
    let Some(office) = Office::create().await else {
        return;
    };
    let first = office.record("The start is faster", "maya", 1).await;
    office.desk().consume(&mut Silence).await.unwrap();
    office.store_points_long_ago().await;
    office.index.set_down();
    let second = office.record("The start is faster", "maya", 2).await;
    office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(office.column(second, "duplicate_of").await, json!(first));
    let notes = office.column(second, "analysis").await["notes"].to_string();
    assert!(notes.contains("did not answer"), "{notes}");
}

#[tokio::test]
async fn without_embedding_settings_a_record_is_analysed_and_not_compared() {
    let Some(office) = Office::create().await else {
        return;
    };
    office
        .sql("UPDATE achievement_sources SET collection = NULL, settings = settings - 'embedding'")
        .await;
    let id = office.record("The start is faster", "maya", 1).await;
    office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(office.column(id, "embedding").await, json!(null));
    assert_eq!(
        office.column(id, "analysis").await["notes"],
        json!(["not compared with other records: no embedding is configured"])
    );
}

/// What people declare where no source works is analysed by the worker of none, which says why it compared nothing.
#[tokio::test]
async fn a_declared_record_of_a_namespace_without_sources_is_analysed_and_not_compared() {
    let Some(office) = Office::create().await else {
        return;
    };
    let id = office.declared("The start is faster", "maya").await;
    let exit = office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(exit, Exit::RunClosed);
    assert_eq!(
        office.tasks("queued").await,
        1,
        "no source's worker takes it"
    );
    let exit = office
        .desk_of(Uuid::nil(), "")
        .consume(&mut Silence)
        .await
        .unwrap();
    assert_eq!(exit, Exit::RunClosed);
    assert_eq!(office.column(id, "impact_score").await, json!(42));
    assert_eq!(office.column(id, "duplicate_of").await, json!(null));
    assert_eq!(
        office.column(id, "analysis").await["notes"],
        json!(["not compared with other records: no embedding is configured"])
    );
}

// FAULTS 60: what may be a secret is sent to no endpoint.
#[tokio::test]
async fn faults_60_a_text_with_a_secret_is_not_embedded() {
    let Some(office) = Office::create().await else {
        return;
    };
    let id = office.record("A secret slipped in", "maya", 1).await;
    office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(office.column(id, "embedding").await, json!(null));
    assert_eq!(office.column(id, "impact_score").await, json!(42));
    assert_eq!(office.column(id, "portfolio_ready").await, json!(false));
    assert!(office.embedder.asked().is_empty());
}

// FAULTS 37, 38: the endpoint's wait is kept; a vector that cannot be one is another attempt, within bounds.
#[tokio::test]
async fn faults_37_38_an_endpoint_that_fails_is_asked_again_later() {
    let Some(office) = Office::create().await else {
        return;
    };
    office.record("The start is faster", "maya", 1).await;
    let mut busy = failure::transient("RateLimited", "embedding: too many requests");
    busy.retry_after_seconds = Some(90);
    office.embedder.fail(Some(busy));
    let desk = office.desk();
    let task = desk.tasks.claim().await.unwrap().unwrap();
    assert_eq!(desk.attempt(&task).await, Ended::Failed);
    assert_eq!(
        office
            .number("SELECT count(*) FROM achievement_tasks WHERE status = 'queued' AND not_before > now() + interval '89 seconds'")
            .await,
        1
    );
    office.make_due().await;
    office.embedder.fail(None);
    office.embedder.answer_dimensions(3);
    let task = desk.tasks.claim().await.unwrap().unwrap();
    assert_eq!(
        (desk.attempt(&task).await, task.retry_count),
        (Ended::Failed, 1)
    );
    assert_eq!(
        office
            .number(
                "SELECT count(*) FROM achievement_tasks WHERE error_code = 'InvalidModelOutput'"
            )
            .await,
        1
    );
}

#[tokio::test]
async fn a_refusal_that_cannot_get_better_ends_the_task() {
    let Some(office) = Office::create().await else {
        return;
    };
    office.record("The start is faster", "maya", 1).await;
    let refused = failure::invalid("RequestRefused", "embedding: no such model");
    assert_eq!(refused.class, FailureClass::Invalid);
    office.embedder.fail(Some(refused));
    office.desk().consume(&mut Silence).await.unwrap();
    assert_eq!(office.tasks("failed").await, 1);
}

// A formula that panics on one record fails that record's attempts and not the worker.
#[tokio::test]
async fn faults_13_a_panic_is_one_records_failed_attempt() {
    let Some(office) = Office::create().await else {
        return;
    };
    office.record("panic now", "maya", 1).await;
    let sound = office.record("The start is faster", "maya", 2).await;
    let desk = office.desk();
    for _ in 0..2 {
        let task = desk.tasks.claim().await.unwrap().unwrap();
        desk.attempt(&task).await;
    }
    assert_eq!(office.column(sound, "impact_score").await, json!(42));
    assert_eq!(
        office
            .number("SELECT count(*) FROM achievement_tasks WHERE error_code = 'Panicked' AND status = 'queued'")
            .await,
        1
    );
}

// FAULTS 35: a worker that is asked to stop gives its task back, uncharged.
#[tokio::test]
async fn faults_35_a_stop_gives_the_task_back() {
    let Some(office) = Office::create().await else {
        return;
    };
    office.record("The start is faster", "maya", 1).await;
    let desk = office.desk();
    let task = desk.tasks.claim().await.unwrap().unwrap();
    desk.stop.request();
    assert_eq!(desk.attempt(&task).await, Ended::Released);
    assert_eq!(
        office
            .number(
                "SELECT count(*) FROM achievement_tasks WHERE status = 'queued' AND retry_count = 0"
            )
            .await,
        1
    );
    assert_eq!(desk.consume(&mut Silence).await.unwrap(), Exit::Stopped);
}

// FAULTS 34, 36: a worker whose task was given to another keeps nothing.
#[tokio::test]
async fn faults_36_two_workers_analyse_each_record_once() {
    let Some(office) = Office::create().await else {
        return;
    };
    for number in 0..12 {
        office
            .record(&format!("Work number {number}"), "maya", 1)
            .await;
    }
    let (one, other) = (office.desk(), office.desk());
    let (mut first, mut second) = (Silence, Silence);
    let exits = tokio::time::timeout(
        Duration::from_secs(60),
        futures::future::join(one.consume(&mut first), other.consume(&mut second)),
    )
    .await
    .unwrap();
    assert_eq!(
        (exits.0.unwrap(), exits.1.unwrap()),
        (Exit::RunClosed, Exit::RunClosed)
    );
    assert_eq!(office.tasks("completed").await, 12);
    assert_eq!(
        office
            .number("SELECT count(*) FROM achievement_tasks WHERE claims = 1")
            .await,
        12
    );
    assert_eq!(office.embedder.asked().len(), 12);
}

// FAULTS 36, 22: the lease was lost before the commit.
#[tokio::test]
async fn faults_22_a_lease_that_was_lost_commits_nothing() {
    let Some(office) = Office::create().await else {
        return;
    };
    let id = office.record("The start is faster", "maya", 1).await;
    let desk = office.desk();
    let task = desk.tasks.claim().await.unwrap().unwrap();
    office
        .sql("UPDATE achievement_tasks SET status = 'queued', lease_token = NULL, lease_until = NULL")
        .await;
    assert_eq!(desk.attempt(&task).await, Ended::Abandoned);
    assert_eq!(office.column(id, "analysis").await, json!(null));
}
