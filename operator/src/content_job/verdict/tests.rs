#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{ended, valid, view};
use serde_json::{Value, json};

fn judged(changes: Value, view: RunView, workers: Workers) -> Verdict {
    let applied = Applied {
        rows: Rows::Standing(Box::new(view)),
        workers,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    verdict(&valid(changes), &applied)
}

fn tally() -> TaskTally {
    TaskTally::default()
}

#[test]
fn the_outcome_follows_from_the_rows_alone() {
    for (tasks, cancelled, expected) in [
        (
            TaskTally {
                completed: 3,
                ..tally()
            },
            false,
            Outcome::AllSucceeded,
        ),
        (
            TaskTally {
                completed: 2,
                failed: 1,
                ..tally()
            },
            false,
            Outcome::PartiallySucceeded,
        ),
        (
            TaskTally {
                completed: 2,
                rejected: 1,
                ..tally()
            },
            false,
            Outcome::PartiallySucceeded,
        ),
        (
            TaskTally {
                failed: 1,
                dead_lettered: 2,
                ..tally()
            },
            false,
            Outcome::NoneSucceeded,
        ),
        (
            TaskTally {
                rejected: 3,
                ..tally()
            },
            false,
            Outcome::NoneSucceeded,
        ),
        (
            TaskTally {
                completed: 1,
                cancelled: 2,
                ..tally()
            },
            true,
            Outcome::Cancelled,
        ),
        // Cancelled after everything had ended: nothing was cancelled.
        (
            TaskTally {
                completed: 3,
                ..tally()
            },
            true,
            Outcome::AllSucceeded,
        ),
        // Failed ones that were given up.
        (
            TaskTally {
                completed: 2,
                cancelled: 1,
                ..tally()
            },
            false,
            Outcome::AllSucceeded,
        ),
        (
            TaskTally {
                cancelled: 3,
                ..tally()
            },
            false,
            Outcome::Cancelled,
        ),
    ] {
        let mut run = ended(tasks.clone());
        run.run.cancelled = cancelled;
        assert_eq!(outcome(&run), Some(expected), "{tasks:?}");
    }
    assert_eq!(
        outcome(&view(TaskTally {
            completed: 3,
            ..tally()
        })),
        None,
        "it ended when its row says so"
    );
}

#[test]
fn a_job_in_progress_says_what_it_waits_for() {
    let limited = Workers::Limited {
        message: "no Pods".into(),
    };
    let failed = Workers::Replacing {
        seconds: 1,
        failed: true,
        message: "OOM".into(),
    };
    let queued = TaskTally {
        queued: 3,
        ..tally()
    };
    for (tasks, workers, reason) in [
        (
            TaskTally {
                processing: 1,
                queued: 2,
                ..tally()
            },
            Workers::None,
            Reason::Running,
        ),
        (queued.clone(), Workers::None, Reason::WaitingForWorker),
        (queued.clone(), limited, Reason::ConcurrencyLimited),
        (queued.clone(), failed, Reason::WorkerFailed),
        (
            TaskTally {
                backing_off: 3,
                ..queued.clone()
            },
            Workers::None,
            Reason::BackingOff,
        ),
        (
            TaskTally {
                unroutable: Some("no queue".into()),
                ..queued
            },
            Workers::None,
            Reason::Unroutable,
        ),
        (
            TaskTally {
                parked: 2,
                completed: 1,
                ..tally()
            },
            Workers::None,
            Reason::BudgetExhausted,
        ),
    ] {
        let verdict = judged(json!({}), view(tasks), workers);
        assert_eq!(verdict.reason, reason);
        assert!(verdict.reconciling && !verdict.stalled);
        assert_eq!(verdict.waiting.is_none(), reason == Reason::Running);
    }
}

#[test]
fn pauses_are_neither_progress_nor_a_fault() {
    let mut paused = view(TaskTally {
        queued: 3,
        ..tally()
    });
    paused.run.paused = true;
    for (changes, view, reason) in [
        (
            json!({ "suspend": true }),
            view(TaskTally {
                queued: 3,
                ..tally()
            }),
            Reason::Suspended,
        ),
        (json!({}), paused, Reason::Paused),
    ] {
        let verdict = judged(changes, view, Workers::None);
        assert_eq!(
            (verdict.reason, verdict.reconciling, verdict.stalled),
            (reason, false, false)
        );
    }
}

#[test]
fn what_only_a_person_can_mend_stalls_at_once_and_a_reference_after_five_minutes() {
    for (kind, waited, stalled) in [
        (ObstacleKind::Person, 0.0, true),
        (ObstacleKind::Reference, 299.0, false),
        (ObstacleKind::Reference, 300.0, true),
        (ObstacleKind::Hold, 9999.0, false),
    ] {
        let obstacle = Obstacle::new(kind, Reason::PersonaNotFound, "why");
        let rows = Rows::Blocked {
            obstacle,
            waited_seconds: waited,
        };
        let applied = Applied {
            rows,
            workers: Workers::None,
            restored: 0,
            adopted: false,
            deaf: false,
        };
        let verdict = verdict(&valid(json!({})), &applied);
        assert_eq!(
            (verdict.stalled, verdict.reconciling),
            (stalled, !stalled),
            "{kind:?} after {waited} s"
        );
        assert_eq!(verdict.waiting.as_deref(), Some("why"));
    }
}
