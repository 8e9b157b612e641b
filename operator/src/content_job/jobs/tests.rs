#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::UID;
use serde_json::{Value, json};

fn job(name: &str, status: Value) -> Job {
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "namespace": "a", "creationTimestamp": "2026-11-23T00:00:00Z",
            "ownerReferences": [{ "apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob", "name": "launch", "uid": UID, "controller": true }],
        },
        "status": status,
    }))
    .unwrap()
}

fn failed() -> Value {
    json!({ "conditions": [
        { "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often", "lastTransitionTime": "2026-11-23T00:00:30Z" },
    ]})
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(
        "2026-11-23T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .as_second()
            + second,
    )
    .unwrap()
}

/// Before the listing is complete, a Job that is not known may well exist.
#[test]
fn nothing_is_said_before_the_jobs_were_listed() {
    let jobs = WorkerJobs::default();
    assert_eq!(jobs.sights(UID, at(0)), None);
    jobs.apply(watcher::Event::Init);
    jobs.apply(watcher::Event::InitApply(job("launch-1-x", json!({}))));
    assert_eq!(jobs.sights(UID, at(0)), None);
    let told = jobs.apply(watcher::Event::InitDone);
    assert_eq!(told, [ObjectRef::new("launch").within("a")]);
    assert_eq!(jobs.sights(UID, at(0)).unwrap().len(), 1);
}

#[test]
fn the_end_of_a_job_is_read_from_its_conditions() {
    let jobs = WorkerJobs::default();
    jobs.apply(watcher::Event::Init);
    jobs.apply(watcher::Event::InitDone);
    jobs.apply(watcher::Event::Apply(job("launch-1-x", failed())));
    let sight = jobs.sights(UID, at(40)).unwrap().remove(0);
    let end = sight.end.unwrap();
    assert_eq!(
        (end.failed, end.seconds_ago, end.lived_seconds),
        (true, 10, 30)
    );
    assert_eq!(end.message, "BackoffLimitExceeded: too often");
}

#[test]
fn only_what_matters_is_told() {
    let jobs = WorkerJobs::default();
    assert_eq!(
        jobs.apply(watcher::Event::Apply(job(
            "launch-1-x",
            json!({ "active": 1 })
        )))
        .len(),
        1
    );
    assert_eq!(
        jobs.apply(watcher::Event::Apply(job(
            "launch-1-x",
            json!({ "active": 1, "ready": 1 })
        )))
        .len(),
        0
    );
    assert_eq!(
        jobs.apply(watcher::Event::Apply(job("launch-1-x", failed())))
            .len(),
        1
    );
    assert_eq!(
        jobs.apply(watcher::Event::Delete(job("launch-1-x", failed())))
            .len(),
        1
    );
    let stranger: Job =
        serde_json::from_value(json!({ "metadata": { "name": "x", "namespace": "a" } })).unwrap();
    assert_eq!(jobs.apply(watcher::Event::Apply(stranger)).len(), 0);
}

/// FAULTS 3: what went away while nobody watched is told of after the new listing.
#[test]
fn a_job_that_went_unseen_is_told_of_after_a_new_listing() {
    let jobs = WorkerJobs::default();
    jobs.note(&job("launch-1-x", json!({})));
    jobs.apply(watcher::Event::Init);
    assert_eq!(jobs.apply(watcher::Event::InitDone).len(), 1);
    assert_eq!(jobs.sights(UID, at(0)).unwrap(), []);
}
