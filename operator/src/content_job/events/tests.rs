use super::*;
use crate::content_job::{apply::Rows, status, testing, verdict::verdict};
use backends::postgres::operator::counts::{RunView, TaskTally};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

fn reasons(before: Option<RunView>, after: RunView, workers: Workers) -> Vec<&'static str> {
    let job = testing::valid(json!({}));
    let applied = |view, workers| status::Applied {
        rows: Rows::Standing(Box::new(view)),
        workers,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    let before = before.map_or_else(ContentJobStatus::default, |view| {
        status::build(
            &ContentJobStatus::default(),
            &job,
            &applied(view, Workers::None),
            Timestamp::UNIX_EPOCH,
        )
    });
    let now = applied(after, workers.clone());
    let after = status::build(&before, &job, &now, Timestamp::UNIX_EPOCH);
    let mut notices = of_deeds(&after, &RowLog::default(), &workers);
    notices.extend(of_changes(&before, &after, &verdict(&job, &now)));
    notices.into_iter().map(|notice| notice.reason).collect()
}

fn running() -> RunView {
    testing::view(TaskTally {
        processing: 2,
        completed: 1,
        ..TaskTally::default()
    })
}

#[test]
fn the_story_is_told_once() {
    assert_eq!(
        reasons(Some(running()), running(), Workers::None),
        Vec::<&str>::new()
    );
    let more = testing::view(TaskTally {
        processing: 1,
        completed: 2,
        ..TaskTally::default()
    });
    assert_eq!(
        reasons(Some(running()), more, Workers::None),
        ["PostsStored"]
    );
    let mut failing = running();
    failing.run.last_error =
        Some(json!({ "class": "transient", "code": "RateLimited", "message": "429" }));
    assert_eq!(
        reasons(Some(running()), failing.clone(), Workers::None),
        ["Retrying"]
    );
    assert_eq!(
        reasons(Some(failing.clone()), failing, Workers::None),
        Vec::<&str>::new()
    );
}

#[test]
fn each_end_has_its_word() {
    for (tasks, word) in [
        (
            TaskTally {
                completed: 3,
                ..TaskTally::default()
            },
            "Completed",
        ),
        (
            TaskTally {
                completed: 1,
                failed: 2,
                ..TaskTally::default()
            },
            "PartiallyCompleted",
        ),
        (
            TaskTally {
                completed: 1,
                failed: 0,
                cancelled: 2,
                ..TaskTally::default()
            },
            "Completed",
        ),
    ] {
        let told = reasons(Some(running()), testing::ended(tasks), Workers::None);
        assert_eq!(told.last(), Some(&word), "{told:?}");
    }
    let dead = testing::ended(TaskTally {
        dead_lettered: 3,
        ..TaskTally::default()
    });
    assert_eq!(
        reasons(Some(running()), dead, Workers::None),
        ["DeadLettered", "Failed"]
    );
}

#[test]
fn worker_jobs_are_told_of_when_they_are_made_and_when_they_fail() {
    let made = Workers::Made {
        name: "launch-1-x".into(),
        pods: 2,
    };
    assert!(reasons(None, running(), made).contains(&"WorkerJobCreated"));
    let failed = Workers::Replacing {
        seconds: 4,
        failed: true,
        message: "OOM".into(),
    };
    let queued = || {
        testing::view(TaskTally {
            queued: 2,
            completed: 1,
            ..TaskTally::default()
        })
    };
    assert_eq!(reasons(Some(queued()), queued(), failed), ["WorkerFailed"]);
}
