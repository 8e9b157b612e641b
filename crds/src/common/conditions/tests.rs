#![allow(clippy::unwrap_used)]
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn the_transition_time_moves_only_with_the_status() {
    let mut list = Vec::new();
    let set = |list: &mut Vec<Condition>, state, reason, second| {
        set_condition(
            list,
            ConditionType::Ready,
            state,
            reason,
            "why",
            Some(second),
            at(second),
        );
    };
    set(&mut list, ConditionState::False, Reason::Progressing, 10);
    set(&mut list, ConditionState::False, Reason::Conflict, 20);
    assert_eq!(list[0].last_transition_time.0, at(10));
    assert_eq!(
        (list[0].reason.as_str(), list[0].observed_generation),
        ("Conflict", Some(20))
    );
    set(&mut list, ConditionState::True, Reason::AllReady, 30);
    assert_eq!(list[0].last_transition_time.0, at(30));
    assert_eq!(list.len(), 1);
}

#[test]
fn the_epoch_of_the_schemas_default_is_no_time_to_keep() {
    let mut list: Vec<Condition> =
        serde_json::from_value(pending_status()["conditions"].clone()).unwrap();
    set_condition(
        &mut list,
        ConditionType::Reconciling,
        ConditionState::True,
        Reason::Progressing,
        "",
        Some(1),
        at(5),
    );
    assert_eq!(
        find_condition(&list, ConditionType::Reconciling)
            .unwrap()
            .last_transition_time
            .0,
        at(5)
    );
}

#[test]
fn long_messages_are_cut_to_the_schemas_bound() {
    let mut list = Vec::new();
    let message = "ü".repeat(MESSAGE_MAX + 1);
    set_condition(
        &mut list,
        ConditionType::Stalled,
        ConditionState::True,
        Reason::Conflict,
        &message,
        None,
        at(1),
    );
    assert_eq!(list[0].message.chars().count(), MESSAGE_MAX);
    assert!(list[0].message.ends_with('…'));
}

#[test]
fn is_true_asks_for_the_type_and_the_status() {
    let mut list = Vec::new();
    assert!(!is_true(&list, ConditionType::Ready));
    set_condition(
        &mut list,
        ConditionType::Ready,
        ConditionState::Unknown,
        Reason::Pending,
        "",
        None,
        at(1),
    );
    assert!(!is_true(&list, ConditionType::Ready));
    set_condition(
        &mut list,
        ConditionType::Ready,
        ConditionState::True,
        Reason::AllReady,
        "",
        None,
        at(1),
    );
    assert!(is_true(&list, ConditionType::Ready) && !is_true(&list, ConditionType::Failed));
}
