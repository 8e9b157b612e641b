//! A job and its run as tests use them.
#![allow(clippy::unwrap_used)]

pub mod api;
pub mod references;
pub mod scenario;

use super::validate::{ValidatedContentJob, validate};
use backends::postgres::operator::counts::{RunRow, RunUsage, RunView, TaskTally};
use chrono::{DateTime, Utc};
use crds::{ConditionType, ContentJob, ContentJobStatus, find_condition};
use domain::names::Tenant;
use serde_json::{Value, json};
use uuid::Uuid;

pub const UID: Uuid = Uuid::from_u128(0x0c0b_0000_0000_4000_8000_0000_0000_0001);

#[must_use]
pub fn tenant() -> Tenant {
    Tenant {
        install: "threads".into(),
        namespace: "a".into(),
        namespace_uid: Uuid::from_u128(7),
    }
}

/// Three posts by the persona `maya`, with these fields of the spec changed.
#[must_use]
pub fn job_with(changes: Value) -> ContentJob {
    let mut spec =
        json!({ "personaRef": { "name": "maya" }, "input": { "text": "The launch" }, "count": 3 });
    for (field, value) in changes.as_object().unwrap() {
        spec[field] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "threads-agent.io/v1alpha1",
        "kind": "ContentJob",
        "metadata": { "name": "launch", "namespace": "a", "uid": UID, "generation": 2, "resourceVersion": "10" },
        "spec": spec,
    }))
    .unwrap()
}

#[must_use]
pub fn valid(changes: Value) -> ValidatedContentJob {
    validate(&job_with(changes), &tenant()).unwrap()
}

#[must_use]
pub fn annotated(annotations: Value) -> ValidatedContentJob {
    let mut job = job_with(json!({}));
    job.metadata.annotations = Some(serde_json::from_value(annotations).unwrap());
    validate(&job, &tenant()).unwrap()
}

/// The run of [`valid`] with its tasks in these states; its total is their sum.
#[must_use]
pub fn view(tasks: TaskTally) -> RunView {
    let total = tasks.queued
        + tasks.processing
        + tasks.parked
        + tasks.completed
        + tasks.failed
        + tasks.rejected
        + tasks.cancelled
        + tasks.dead_lettered;
    RunView {
        run: RunRow {
            id: Uuid::from_u128(9),
            namespace: "a".into(),
            persona_uid: Uuid::from_u128(8),
            persona_name: "maya".into(),
            run_key: String::new(),
            kind: "generate".into(),
            priority: 50,
            parallelism: 2,
            suspended: false,
            cancelled: false,
            credentials_digest: "digest".into(),
            tokens_limit: None,
            tokens_reserved: 0,
            tokens_spent: 0,
            tasks_total: i32::try_from(total).unwrap(),
            task_tokens: 1000,
            job_ordinal: 0,
            job_pods: 0,
            job_failures: 0,
            retry_handled: None,
            discard_handled: None,
            plan: None,
            last_error: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH,
            finished_at: None,
            seconds_left: 3600.0,
            seconds_finished: None,
            queue: "queue".into(),
            persona_suspended: false,
            tokens_per_day: None,
            emotion_gate: false,
            experiment_note: None,
            paused: false,
        },
        tasks: TaskTally {
            rows: total,
            ..tasks
        },
        usage: RunUsage::default(),
        posts: Vec::new(),
    }
}

/// The same, ended ten seconds ago.
#[must_use]
pub fn ended(tasks: TaskTally) -> RunView {
    let mut view = view(tasks);
    view.run.finished_at = Some(DateTime::<Utc>::UNIX_EPOCH);
    view.run.seconds_finished = Some(10.0);
    view
}

/// Status and reason of a condition, for example `True/Succeeded`; `-` where it is absent.
#[must_use]
pub fn condition(status: &ContentJobStatus, type_: ConditionType) -> String {
    find_condition(&status.conditions, type_).map_or("-".to_owned(), |condition| {
        format!("{}/{}", condition.status, condition.reason)
    })
}
