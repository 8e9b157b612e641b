#![allow(clippy::unwrap_used)]

use super::*;
use crate::persona::{
    testing::{persona, tenant},
    validate::validate,
};
use crds::find_condition;

fn valid() -> ValidatedPersona {
    validate(&persona(), &tenant()).unwrap()
}

fn applied() -> Applied {
    Applied {
        row: Standing::Ready,
        revision: Some(2),
        queue: Standing::Ready,
        collection: Standing::Ready,
        adopted: false,
        prompt: Ok(ResolvedPrompt {
            template: "launch".into(),
            version: "v1".into(),
            digest: "d".into(),
        }),
        secrets: Ok(()),
        queue_ready: Some(12_345),
        dead_letters: Some(1),
        points: Some(4),
        figures: Some(PersonaFigures {
            posts: 4,
            tokens_today: 900,
            dead_lettered: 2,
            ..PersonaFigures::default()
        }),
        active_workers: Some(1),
        selector: "s".into(),
        waiting_seconds: None,
        unroutable: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn state(status: &PersonaStatus, type_: ConditionType) -> (&str, &str) {
    let condition = find_condition(&status.conditions, type_).unwrap();
    assert_eq!(condition.observed_generation, Some(3));
    (&condition.status, &condition.reason)
}

#[test]
fn a_ready_persona_says_so_in_every_word() {
    let status = build(&PersonaStatus::default(), &valid(), &applied(), at(100));
    assert_eq!(state(&status, ConditionType::Ready), ("True", "AllReady"));
    assert_eq!(state(&status, ConditionType::Reconciling).0, "False");
    assert_eq!(state(&status, ConditionType::Stalled).0, "False");
    assert_eq!(state(&status, ConditionType::Drifted), ("False", "InSync"));
    assert_eq!(
        state(&status, ConditionType::ModelReachable),
        ("Unknown", "NotObserved")
    );
    assert_eq!(
        state(&status, ConditionType::BudgetAvailable),
        ("True", "NotApplicable")
    );
    assert_eq!(status.phase, Some(PersonaPhase::Ready));
    let queue = status.queue.unwrap();
    assert_eq!((queue.ready, queue.dead), (Some(12_000), Some(3)));
    assert_eq!(status.observed_generation, Some(3));
}

/// No write once converged: the same facts give the same status, whatever the time.
#[test]
fn the_same_facts_are_the_same_status() {
    let first = build(&PersonaStatus::default(), &valid(), &applied(), at(100));
    assert_eq!(build(&first, &valid(), &applied(), at(500)), first);
}

#[test]
fn a_missing_reference_waits_five_minutes_and_then_stalls() {
    let missing = |seconds| Applied {
        secrets: Err(Problem {
            reason: Reason::SecretNotFound,
            message: "none".into(),
        }),
        waiting_seconds: Some(seconds),
        ..applied()
    };
    let waiting = build(
        &PersonaStatus::default(),
        &valid(),
        &missing(299.0),
        at(100),
    );
    assert_eq!(
        state(&waiting, ConditionType::Ready),
        ("False", "SecretNotFound")
    );
    assert_eq!(state(&waiting, ConditionType::Reconciling).0, "True");
    assert_eq!(state(&waiting, ConditionType::Stalled).0, "False");
    let stalled = build(&waiting, &valid(), &missing(300.0), at(200));
    assert_eq!(
        state(&stalled, ConditionType::Stalled),
        ("True", "SecretNotFound")
    );
    assert_eq!(state(&stalled, ConditionType::Reconciling).0, "False");
    assert_eq!(stalled.phase, Some(PersonaPhase::Stalled));
    let mended = build(&stalled, &valid(), &applied(), at(300));
    assert_eq!(state(&mended, ConditionType::Ready).0, "True");
}

/// FAULTS 18, 30, 43: only a person can mend a conflict, so it stalls at once.
#[test]
fn a_conflict_stalls_at_once_and_outweighs_an_outage() {
    let both = Applied {
        queue: Standing::Conflict {
            message: "other arguments".into(),
        },
        collection: Standing::Unavailable {
            message: "down".into(),
        },
        ..applied()
    };
    let status = build(&PersonaStatus::default(), &valid(), &both, at(100));
    assert_eq!(state(&status, ConditionType::Stalled), ("True", "Conflict"));
    assert_eq!(
        state(&status, ConditionType::QueueReady),
        ("False", "Conflict")
    );
    assert_eq!(
        state(&status, ConditionType::CollectionReady),
        ("Unknown", "DependencyUnavailable")
    );
}

/// FAULTS 16.
#[test]
fn a_queue_that_messages_cannot_reach_is_not_ready_although_it_stands() {
    let held = Applied {
        unroutable: Some("no queue takes the routing key: q".into()),
        ..applied()
    };
    let status = build(&PersonaStatus::default(), &valid(), &held, at(100));
    for type_ in [ConditionType::QueueReady, ConditionType::Ready] {
        assert_eq!(state(&status, type_), ("False", "Unroutable"));
    }
    assert_eq!(state(&status, ConditionType::Reconciling).0, "True");
    assert_eq!(state(&status, ConditionType::Stalled).0, "False");
    assert_eq!(state(&status, ConditionType::Drifted).1, "InSync");
    let sent = build(&status, &valid(), &applied(), at(200));
    assert_eq!(state(&sent, ConditionType::QueueReady).1, "Succeeded");
    assert_eq!(state(&sent, ConditionType::Ready).0, "True");
}

#[test]
fn an_outage_reconciles_and_leaves_the_word_on_drift_alone() {
    let drifted = Applied {
        queue: Standing::Reported {
            drift: "queue gone".into(),
        },
        ..applied()
    };
    let before = build(&PersonaStatus::default(), &valid(), &drifted, at(100));
    assert_eq!(
        state(&before, ConditionType::Drifted),
        ("True", "DriftReported")
    );
    let down = Applied {
        queue: Standing::Unavailable {
            message: "down".into(),
        },
        ..applied()
    };
    let after = build(&before, &valid(), &down, at(200));
    assert_eq!(
        state(&after, ConditionType::Reconciling),
        ("True", "DependencyUnavailable")
    );
    assert_eq!(
        find_condition(&after.conditions, ConditionType::Drifted)
            .unwrap()
            .status,
        "True"
    );
}

/// FAULTS 40: the last good state is kept, and mending works from the error state.
#[test]
fn an_invalid_spec_keeps_the_last_good_state() {
    let good = build(&PersonaStatus::default(), &valid(), &applied(), at(100));
    let invalid = Invalid::Field {
        field: "voice.displayName",
        problem: "must not be empty".into(),
    };
    let bad = build_invalid(&good, Some(3), &invalid, at(200));
    assert_eq!(state(&bad, ConditionType::Stalled), ("True", "SpecInvalid"));
    assert_eq!((&bad.queue, &bad.revision), (&good.queue, &good.revision));
    assert_eq!(
        build(&bad, &valid(), &applied(), at(100)).phase,
        Some(PersonaPhase::Ready)
    );
}

#[test]
fn a_budget_that_is_used_up_is_said_and_does_not_unready_the_persona() {
    let limited = ValidatedPersona {
        tokens_per_day: Some(900),
        ..valid()
    };
    let status = build(&PersonaStatus::default(), &limited, &applied(), at(100));
    assert_eq!(
        state(&status, ConditionType::BudgetAvailable),
        ("False", "BudgetExhausted")
    );
    assert_eq!(state(&status, ConditionType::Ready).0, "True");
}

#[test]
fn counts_are_rounded_to_two_digits() {
    for (count, shown) in [
        (0u64, 0),
        (99, 99),
        (100, 100),
        (109, 100),
        (1_999, 1_900),
        (12_345, 12_000),
    ] {
        assert_eq!(rounded(count), shown);
    }
}
