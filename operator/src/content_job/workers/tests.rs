#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{UID, ended, valid, view};
use backends::postgres::operator::counts::TaskTally;
use serde_json::{Value, json};

fn queued(tasks: i64) -> RunView {
    view(TaskTally {
        queued: tasks,
        ..TaskTally::default()
    })
}

fn name(ordinal: i32) -> String {
    worker_job("threads", "launch", UID, ordinal)
}

fn running(ordinal: i32) -> JobSight {
    JobSight {
        name: name(ordinal),
        end: None,
        active: 1,
        deleting: false,
    }
}

fn finished(ordinal: i32, failed: bool, seconds_ago: i64, lived_seconds: i64) -> JobSight {
    let end = Some(JobEnd {
        failed,
        message: "why".into(),
        seconds_ago,
        lived_seconds,
    });
    JobSight {
        name: name(ordinal),
        end,
        active: 0,
        deleting: false,
    }
}

fn plan(changes: Value, view: &RunView, jobs: &[JobSight]) -> WorkerPlan {
    plan_workers("threads", &valid(changes), view, jobs)
}

fn with_job(mut view: RunView, ordinal: i32, pods: i32, failures: i32) -> RunView {
    (
        view.run.job_ordinal,
        view.run.job_pods,
        view.run.job_failures,
    ) = (ordinal, pods, failures);
    view
}

#[test]
fn a_job_has_as_many_pods_as_tasks_at_most() {
    for (tasks, parallelism, pods) in [(1, 5, 1), (3, 2, 2), (200, 50, 50)] {
        let planned = plan(json!({ "parallelism": parallelism }), &queued(tasks), &[]);
        assert_eq!(planned.step, WorkerStep::Grant { pods, failures: 0 });
    }
}

#[test]
fn a_job_that_runs_is_kept() {
    let planned = plan(json!({}), &with_job(queued(2), 1, 2, 0), &[running(1)]);
    assert_eq!(
        planned,
        WorkerPlan {
            step: WorkerStep::Keep {
                name: name(1),
                active: 1
            },
            remove: vec![],
            release: false
        }
    );
}

/// FAULTS 6, 10: a slot that was granted and whose Job was never seen is made under the same name.
#[test]
fn a_granted_slot_without_a_job_is_made_under_its_own_name() {
    let planned = plan(json!({}), &with_job(queued(2), 4, 2, 0), &[]);
    assert_eq!(
        planned.step,
        WorkerStep::Make {
            name: name(4),
            pods: 2
        }
    );
}

#[test]
fn a_job_that_ended_too_early_is_replaced_after_a_growing_wait() {
    for (failures, seconds_ago, lived, expected) in [
        (
            0,
            0,
            5,
            WorkerStep::Wait {
                seconds: 1,
                failed: true,
                message: "why".into(),
            },
        ),
        (
            0,
            1,
            5,
            WorkerStep::Grant {
                pods: 2,
                failures: 1,
            },
        ),
        (
            3,
            2,
            5,
            WorkerStep::Wait {
                seconds: 6,
                failed: true,
                message: "why".into(),
            },
        ),
        (
            3,
            8,
            5,
            WorkerStep::Grant {
                pods: 2,
                failures: 4,
            },
        ),
        (
            30,
            0,
            5,
            WorkerStep::Wait {
                seconds: 60,
                failed: true,
                message: "why".into(),
            },
        ),
        // It had worked for a while: the wait begins anew.
        (
            30,
            1,
            600,
            WorkerStep::Grant {
                pods: 2,
                failures: 0,
            },
        ),
    ] {
        let planned = plan(
            json!({}),
            &with_job(queued(2), 3, 2, failures),
            &[finished(3, true, seconds_ago, lived)],
        );
        assert_eq!(
            planned.step, expected,
            "{failures} failures, ended {seconds_ago} s ago"
        );
    }
}

#[test]
fn nothing_is_made_where_nothing_may_be_claimed() {
    let mut late = queued(2);
    late.run.seconds_left = -1.0;
    let mut paused = queued(2);
    paused.run.paused = true;
    let mut asleep = queued(2);
    asleep.run.persona_suspended = true;
    let mut orphaned = queued(2);
    orphaned.run.queue = String::new();
    let parked = view(TaskTally {
        parked: 2,
        completed: 1,
        ..TaskTally::default()
    });
    for stopped in [
        late,
        paused,
        asleep,
        orphaned,
        parked,
        ended(TaskTally {
            completed: 3,
            ..TaskTally::default()
        }),
    ] {
        assert_eq!(
            plan(json!({}), &stopped, &[]).step,
            WorkerStep::None,
            "{stopped:?}"
        );
    }
}

#[test]
fn suspending_and_cancelling_remove_the_job_and_give_its_place_up() {
    for changes in [json!({ "suspend": true }), json!({ "cancel": true })] {
        let planned = plan(changes, &with_job(queued(2), 1, 2, 0), &[running(1)]);
        assert_eq!(
            planned,
            WorkerPlan {
                step: WorkerStep::None,
                remove: vec![name(1)],
                release: true
            }
        );
    }
}

#[test]
fn a_run_that_ended_leaves_its_job_to_end_by_itself_and_removes_it_after_its_time() {
    let done = with_job(
        ended(TaskTally {
            completed: 3,
            ..TaskTally::default()
        }),
        1,
        2,
        0,
    );
    let planned = plan(json!({}), &done, &[running(1)]);
    assert_eq!(
        planned,
        WorkerPlan {
            step: WorkerStep::None,
            remove: vec![],
            release: false
        }
    );
    let planned = plan(json!({}), &done, &[finished(1, false, 0, 5)]);
    assert_eq!(
        planned,
        WorkerPlan {
            step: WorkerStep::None,
            remove: vec![],
            release: true
        }
    );
    let planned = plan(
        json!({ "ttlSecondsAfterFinished": 5 }),
        &done,
        &[finished(1, false, 9, 5)],
    );
    assert_eq!(planned.remove, [name(1)]);
}

#[test]
fn a_job_of_an_earlier_run_is_removed() {
    let planned = plan(
        json!({ "runId": "again" }),
        &with_job(queued(2), 2, 2, 0),
        &[running(1), running(2)],
    );
    assert_eq!(planned.remove, [name(1)]);
    assert_eq!(
        planned.step,
        WorkerStep::Keep {
            name: name(2),
            active: 1
        }
    );
}

#[test]
fn a_job_that_is_being_deleted_is_waited_for() {
    let deleting = JobSight {
        deleting: true,
        ..running(1)
    };
    let planned = plan(json!({}), &with_job(queued(2), 1, 0, 0), &[deleting]);
    assert!(matches!(
        planned.step,
        WorkerStep::Wait {
            seconds: 1,
            failed: false,
            ..
        }
    ));
    assert_eq!(planned.remove, Vec::<String>::new());
}
