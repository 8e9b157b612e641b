#![allow(clippy::unwrap_used)]

use super::*;
use crds::ContentJob;
use serde_json::json;

fn job() -> ContentJob {
    serde_json::from_value(json!({ "apiVersion": "threads-agent.io/v1alpha1", "kind": "ContentJob",
        "metadata": { "name": "launch", "namespace": "team", "uid": "0c0b0000-0000-4000-8000-000000000001" },
        "spec": { "personaRef": { "name": "maya" }, "input": { "text": "x" } } }))
    .unwrap()
}

/// A status with one condition.
fn status(type_: &str, status: &str, since: &str) -> Value {
    json!({ "conditions": [{ "type": type_, "status": status, "reason": "Why", "message": "Because.", "lastTransitionTime": since }] })
}

#[test]
fn getting_into_a_state_is_told_once_and_staying_in_it_is_not() {
    let (before, after) = (
        status("Stalled", "False", "t1"),
        status("Stalled", "True", "t2"),
    );
    let told = news(&job(), &before, &after);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].topic, told[0].message.as_str()),
        (Topic::Stalled, "Because.")
    );
    assert_eq!(
        (told[0].kind.as_str(), told[0].name.as_str()),
        ("ContentJob", "launch")
    );
    assert!(news(&job(), &after, &status("Stalled", "True", "t3")).is_empty());
    assert!(news(&job(), &after, &before).is_empty());
    assert!(news(&job(), &json!({}), &before).is_empty());
}

/// Killed between the note and the status, the step is repeated at another time of day; stalled a second time is news.
#[test]
fn repeating_the_step_tells_the_same_and_a_second_time_is_another() {
    let id = |before: &Value, after: &Value| news(&job(), before, after)[0].id;
    let before = status("Stalled", "False", "t1");
    let first = id(&before, &status("Stalled", "True", "t2"));
    assert_eq!(first, id(&before, &status("Stalled", "True", "t9")));
    let recovered = status("Stalled", "False", "t3");
    assert_ne!(first, id(&recovered, &status("Stalled", "True", "t4")));
}

#[test]
fn a_failed_job_is_not_told_as_stalled_as_well() {
    let mut after = status("Failed", "True", "t2");
    let stalled = status("Stalled", "True", "t2")["conditions"][0].clone();
    after["conditions"].as_array_mut().unwrap().push(stalled);
    let told = news(&job(), &json!({}), &after);
    assert_eq!(
        told.iter().map(|one| one.topic).collect::<Vec<_>>(),
        [Topic::Failed]
    );
}

#[test]
fn what_is_told_of_budgets_is_that_they_are_spent() {
    let (spent, available) = (
        status("BudgetAvailable", "False", "t2"),
        status("BudgetAvailable", "True", "t1"),
    );
    assert_eq!(
        news(&job(), &available, &spent)[0].topic,
        Topic::BudgetSpent
    );
    assert!(news(&job(), &spent, &available).is_empty());
}
