#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::testing::{annotated, ended, valid, view};
use backends::postgres::operator::counts::TaskTally;
use crds::common::meta::{ANNOTATION_DISCARD, ANNOTATION_RETRY};
use serde_json::{Value, json};

fn mends(changes: Value, view: &RunView) -> Vec<Mend> {
    let observed = Observed {
        view: Some(view.clone()),
        predecessor: None,
    };
    match plan_rows(&valid(changes), &observed) {
        RowPlan::Mend(mends) => mends,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_run_one_is_adopted_or_made_or_nothing_is() {
    let run = Uuid::from_u128(3);
    for (changes, predecessor, expected) in [
        (json!({}), None, RowPlan::Create),
        (json!({}), Some(run), RowPlan::Adopt { run }),
        (json!({ "suspend": true }), None, RowPlan::Hold),
        (json!({ "cancel": true }), None, RowPlan::NeverStarted),
        (
            json!({ "cancel": true, "suspend": true }),
            None,
            RowPlan::NeverStarted,
        ),
    ] {
        let observed = Observed {
            view: None,
            predecessor,
        };
        assert_eq!(plan_rows(&valid(changes), &observed), expected);
    }
}

#[test]
fn a_run_that_is_as_it_should_be_needs_nothing() {
    assert_eq!(
        mends(
            json!({}),
            &view(TaskTally {
                queued: 2,
                processing: 1,
                ..TaskTally::default()
            })
        ),
        []
    );
    assert_eq!(
        mends(
            json!({}),
            &ended(TaskTally {
                completed: 3,
                ..TaskTally::default()
            })
        ),
        []
    );
}

#[test]
fn each_difference_is_mended() {
    let queued = view(TaskTally {
        queued: 3,
        ..TaskTally::default()
    });
    assert_eq!(mends(json!({ "priority": 90 }), &queued), [Mend::Sync]);
    assert_eq!(mends(json!({ "suspend": true }), &queued), [Mend::Sync]);
    assert_eq!(mends(json!({ "cancel": true }), &queued), [Mend::Cancel]);
    assert_eq!(
        mends(
            json!({}),
            &view(TaskTally {
                completed: 3,
                ..TaskTally::default()
            })
        ),
        [Mend::Finish]
    );
    assert_eq!(
        mends(
            json!({}),
            &view(TaskTally {
                parked: 1,
                queued: 2,
                ..TaskTally::default()
            })
        ),
        [Mend::WakeParked]
    );
}

/// A worker gives its task back after the cancellation; it must not stay queued.
#[test]
fn a_cancelled_run_is_cancelled_again_while_tasks_come_back() {
    let mut run = view(TaskTally {
        processing: 1,
        ..TaskTally::default()
    });
    run.run.cancelled = true;
    assert_eq!(mends(json!({ "cancel": true }), &run), []);
    let mut run = view(TaskTally {
        queued: 1,
        ..TaskTally::default()
    });
    run.run.cancelled = true;
    assert_eq!(mends(json!({ "cancel": true }), &run), [Mend::Cancel]);
    assert_eq!(
        mends(
            json!({ "cancel": true }),
            &ended(TaskTally {
                completed: 3,
                ..TaskTally::default()
            })
        ),
        []
    );
}

/// FAULTS 26.
#[test]
fn missing_rows_are_restored_unless_policy_only_reports() {
    let mut some = view(TaskTally {
        completed: 2,
        ..TaskTally::default()
    });
    some.run.tasks_total = 3;
    assert_eq!(mends(json!({}), &some), [Mend::RestoreTasks { missing: 1 }]);
    assert_eq!(mends(json!({ "driftPolicy": "Report" }), &some), []);
    let mut none = view(TaskTally::default());
    none.run.tasks_total = 3;
    assert_eq!(mends(json!({}), &none), [Mend::RewriteTasks { missing: 3 }]);
}

#[test]
fn an_annotation_is_obeyed_once() {
    let failed = ended(TaskTally {
        completed: 1,
        failed: 1,
        dead_lettered: 1,
        ..TaskTally::default()
    });
    let plan = |annotations: Value, view: &RunView| {
        let observed = Observed {
            view: Some(view.clone()),
            predecessor: None,
        };
        plan_rows(&annotated(annotations), &observed)
    };
    let retry = json!({ ANNOTATION_RETRY: "failed" });
    assert_eq!(
        plan(retry.clone(), &failed),
        RowPlan::Mend(vec![Mend::Retry {
            value: "failed".into()
        }])
    );
    let mut handled = failed.clone();
    handled.run.retry_handled = Some("failed".into());
    assert_eq!(plan(retry, &handled), RowPlan::Mend(vec![]));
    assert_eq!(
        plan(json!({ ANNOTATION_RETRY: "failed-2" }), &handled),
        RowPlan::Mend(vec![Mend::Retry {
            value: "failed-2".into()
        }])
    );
    assert_eq!(
        plan(json!({}), &handled),
        RowPlan::Mend(vec![Mend::ForgetVerbs {
            retry: true,
            discard: false
        }])
    );
    assert_eq!(
        plan(json!({ ANNOTATION_DISCARD: "failed" }), &failed),
        RowPlan::Mend(vec![Mend::Discard {
            value: "failed".into()
        }])
    );
    let succeeded = ended(TaskTally {
        completed: 3,
        ..TaskTally::default()
    });
    assert_eq!(
        plan(json!({ ANNOTATION_RETRY: "failed" }), &succeeded),
        RowPlan::Mend(vec![])
    );
}
