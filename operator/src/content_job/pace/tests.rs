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
    let millis = |millis| Some(Duration::from_millis(millis));
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
            millis(1000),
            Pace::Later(Duration::from_secs(9)),
        ),
        (
            status(Queued, false, Reason::ConcurrencyLimited, 0),
            millis(9_000),
            Pace::Later(Duration::from_secs(1)),
        ),
        (
            status(Queued, false, Reason::ConcurrencyLimited, 0),
            millis(10_000),
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
    assert_eq!(writes.since(job), None);
    writes.note(job);
    assert!(writes.since(job).is_some());
    writes.forget(job);
    assert_eq!(writes.since(job), None);
}
