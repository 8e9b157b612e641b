#![allow(clippy::unwrap_used)]
use super::*;
use crds::{
    ConditionState, Reason,
    content_job::{ContentJobPhase, TaskCounts},
    set_condition,
};
use k8s_openapi::jiff::Timestamp;

fn status(
    phase: ContentJobPhase,
    queued: bool,
    reason: Reason,
    succeeded: i32,
) -> ContentJobStatus {
    let mut status = ContentJobStatus {
        phase: Some(phase),
        counts: Some(TaskCounts {
            succeeded,
            ..TaskCounts::default()
        }),
        ..ContentJobStatus::default()
    };
    for (type_, state, reason) in [
        (ConditionType::Ready, ConditionState::False, reason),
        (ConditionType::Queued, queued.into(), Reason::Progressing),
    ] {
        set_condition(
            &mut status.conditions,
            type_,
            state,
            reason,
            "",
            None,
            Timestamp::UNIX_EPOCH,
        );
    }
    status
}

#[test]
fn milestones_are_written_at_once_counters_once_a_second_and_words_when_they_last() {
    use ContentJobPhase::{Queued, Running};
    let before = status(Queued, false, Reason::WaitingForWorker, 0);
    let times = |written, differing| {
        Some(Since {
            written: Duration::from_millis(written),
            differing: Duration::from_millis(differing),
        })
    };
    let millis = |millis| times(millis, 0);
    for (after, since, expected) in [
        (before.clone(), None, Pace::Nothing),
        (before.clone(), millis(0), Pace::Nothing),
        (
            status(Running, true, Reason::Running, 0),
            millis(0),
            Pace::Write,
        ),
        (
            status(Queued, false, Reason::WaitingForWorker, 1),
            millis(300),
            Pace::Later(Duration::from_millis(700)),
        ),
        (
            status(Queued, false, Reason::WaitingForWorker, 1),
            millis(1000),
            Pace::Write,
        ),
        (
            status(Queued, true, Reason::WaitingForWorker, 0),
            times(60_000, 1_000),
            Pace::Later(Duration::from_secs(9)),
        ),
        (
            status(Queued, false, Reason::ConcurrencyLimited, 0),
            times(9_000, 9_000),
            Pace::Later(Duration::from_secs(1)),
        ),
        (
            status(Queued, false, Reason::ConcurrencyLimited, 0),
            times(10_000, 10_000),
            Pace::Write,
        ),
        // After a restart nobody knows when the last write was.
        (
            status(Queued, true, Reason::WaitingForWorker, 0),
            None,
            Pace::Write,
        ),
    ] {
        assert_eq!(pace(&before, &after, since), expected);
    }
}

#[test]
fn a_job_that_ended_is_forgotten() {
    let (writes, job) = (LastWrites::default(), Uuid::from_u128(1));
    assert_eq!(writes.since(job, true), None);
    writes.note(job);
    assert!(writes.since(job, true).is_some());
    writes.forget(job);
    assert_eq!(writes.since(job, true), None);
}

#[test]
fn a_difference_counts_from_when_it_began_and_ends_with_the_next_write() {
    let (writes, job) = (LastWrites::default(), Uuid::from_u128(1));
    writes.note(job);
    let differing = |differs| writes.since(job, differs).unwrap().differing;
    assert_eq!(differing(false), Duration::ZERO);
    let first = differing(true);
    while differing(true) == first {
        std::hint::spin_loop();
    }
    assert!(differing(true) > first, "the same difference goes on");
    assert_eq!(differing(false), Duration::ZERO);
}
