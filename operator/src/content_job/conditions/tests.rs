#![allow(clippy::unwrap_used)]

use super::*;
use crate::content_job::{
    staff::Workers,
    testing::{ended, valid, view},
    verdict::verdict,
};
use backends::postgres::operator::counts::TaskTally;
use serde_json::json;

fn conditions_of(view: RunView) -> Vec<Condition> {
    let job = valid(json!({}));
    let applied = Applied {
        rows: Rows::Standing(Box::new(view)),
        workers: Workers::None,
        restored: 0,
        adopted: false,
        deaf: false,
    };
    let (mut list, now) = (Vec::new(), Timestamp::UNIX_EPOCH);
    let verdict = verdict(&job, &applied);
    let mut conditions = Conditions {
        list: &mut list,
        generation: Some(2),
        now,
    };
    conditions.of_run(&applied, &verdict);
    conditions.verdict(&verdict);
    list
}

fn shown(list: &[Condition], type_: ConditionType) -> String {
    let condition = find_condition(list, type_).unwrap();
    format!("{}/{}", condition.status, condition.reason)
}

/// DESIGN.md, "Outcomes of a ContentJob", column by column.
#[test]
fn each_outcome_has_its_row_of_the_table() {
    let cancelled = {
        let mut run = ended(TaskTally {
            completed: 1,
            cancelled: 2,
            ..TaskTally::default()
        });
        run.run.cancelled = true;
        run
    };
    for (run, finished, complete, failed, ready, stalled, word) in [
        (
            ended(TaskTally {
                completed: 3,
                ..TaskTally::default()
            }),
            "AllSucceeded",
            true,
            false,
            true,
            false,
            ContentJobPhase::Succeeded,
        ),
        (
            ended(TaskTally {
                completed: 1,
                rejected: 2,
                ..TaskTally::default()
            }),
            "PartiallySucceeded",
            true,
            false,
            true,
            false,
            ContentJobPhase::PartiallySucceeded,
        ),
        (
            ended(TaskTally {
                failed: 3,
                ..TaskTally::default()
            }),
            "NoneSucceeded",
            false,
            true,
            false,
            true,
            ContentJobPhase::Failed,
        ),
        (
            cancelled,
            "Cancelled",
            false,
            false,
            true,
            false,
            ContentJobPhase::Cancelled,
        ),
    ] {
        let list = conditions_of(run);
        assert_eq!(
            shown(&list, ConditionType::Finished),
            format!("True/{finished}")
        );
        for (type_, expected) in [
            (ConditionType::Complete, complete),
            (ConditionType::Failed, failed),
            (ConditionType::Ready, ready),
            (ConditionType::Stalled, stalled),
            (ConditionType::Reconciling, false),
        ] {
            assert_eq!(is_true(&list, type_), expected, "{type_} of {finished}");
        }
        assert_eq!(phase(&list), word);
    }
}

#[test]
fn every_condition_of_the_kind_is_said_of_a_run_with_the_generation() {
    let list = conditions_of(view(TaskTally {
        queued: 3,
        ..TaskTally::default()
    }));
    for type_ in crds::content_job::CONDITIONS {
        let condition = find_condition(&list, *type_).unwrap_or_else(|| panic!("no {type_}"));
        assert_eq!(condition.observed_generation, Some(2));
    }
}

#[test]
fn reasons_are_among_those_that_the_documents_name() {
    let mut runs = vec![
        view(TaskTally {
            queued: 2,
            unsent: 1,
            ..TaskTally::default()
        }),
        view(TaskTally {
            queued: 2,
            unsent: 2,
            unroutable: Some("no queue".into()),
            ..TaskTally::default()
        }),
        view(TaskTally {
            processing: 1,
            parked: 2,
            ..TaskTally::default()
        }),
        ended(TaskTally {
            completed: 1,
            rejected: 2,
            rejected_as_duplicate: 1,
            rejected_for_emotion: 1,
            flagged: 1,
            ..TaskTally::default()
        }),
        ended(TaskTally {
            dead_lettered: 2,
            system_failed: 1,
            ..TaskTally::default()
        }),
        ended(TaskTally {
            failed: 2,
            past_deadline: 1,
            ..TaskTally::default()
        }),
        ended(TaskTally {
            completed: 2,
            lost_posts: 1,
            ..TaskTally::default()
        }),
    ];
    for run in &mut runs {
        run.run.emotion_gate = true;
        for condition in conditions_of(run.clone()) {
            let type_ = ConditionType::ALL
                .iter()
                .find(|type_| type_.as_str() == condition.type_)
                .unwrap();
            // The three of kstatus share one reason, which is any of the others'.
            if [
                ConditionType::Ready,
                ConditionType::Reconciling,
                ConditionType::Stalled,
            ]
            .contains(type_)
            {
                continue;
            }
            let known: Vec<&str> = type_.reasons().into_iter().map(Reason::as_str).collect();
            assert!(
                known.contains(&condition.reason.as_str()),
                "{} has the reason {}",
                condition.type_,
                condition.reason
            );
        }
    }
}

#[test]
fn gates_tell_what_they_refused_and_what_they_let_pass() {
    let list = conditions_of(ended(TaskTally {
        completed: 1,
        rejected: 1,
        rejected_as_duplicate: 1,
        ..TaskTally::default()
    }));
    assert_eq!(
        shown(&list, ConditionType::DedupPassed),
        "False/GateRejected"
    );
    assert_eq!(
        shown(&list, ConditionType::EmotionPassed),
        "True/NotApplicable"
    );
    let list = conditions_of(ended(TaskTally {
        completed: 2,
        flagged: 1,
        ..TaskTally::default()
    }));
    assert_eq!(
        shown(&list, ConditionType::DedupPassed),
        "False/GateFlagged"
    );
}
