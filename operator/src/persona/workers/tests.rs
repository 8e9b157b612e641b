#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::json;
use watcher::Event;

fn pod(name: &str, phase: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "a", "labels": { LABEL_PERSONA: "maya" } },
        "status": { "phase": phase },
    }))
    .unwrap()
}

#[test]
fn pods_are_counted_until_they_finish() {
    let pods = WorkerPods::default();
    assert_eq!(
        pods.active("a", "maya"),
        None,
        "nothing is known before the first listing"
    );
    pods.apply(Event::Init);
    pods.apply(Event::InitApply(pod("one", "Running")));
    pods.apply(Event::InitApply(pod("two", "Succeeded")));
    assert_eq!(pods.apply(Event::InitDone).len(), 1);
    assert_eq!(pods.active("a", "maya"), Some(1));
    assert_eq!(pods.active("b", "maya"), Some(0));

    assert_eq!(pods.apply(Event::Apply(pod("two", "Pending"))).len(), 1);
    assert!(
        pods.apply(Event::Apply(pod("two", "Running"))).is_empty(),
        "the number did not change"
    );
    assert_eq!(pods.active("a", "maya"), Some(2));
    pods.apply(Event::Apply(pod("one", "Failed")));
    pods.apply(Event::Delete(pod("two", "Running")));
    assert_eq!(pods.active("a", "maya"), Some(0));
}

/// FAULTS 3: a Pod that went while the watch was broken is missed by events and noticed by the next listing.
#[test]
fn a_listing_forgets_what_is_gone() {
    let pods = WorkerPods::default();
    for name in ["one", "two"] {
        pods.apply(Event::Apply(pod(name, "Running")));
    }
    pods.apply(Event::Init);
    pods.apply(Event::InitApply(pod("one", "Running")));
    assert_eq!(
        pods.apply(Event::InitDone),
        vec![("a".to_owned(), "maya".to_owned())]
    );
    assert_eq!(pods.active("a", "maya"), Some(1));
    pods.apply(Event::Init);
    pods.apply(Event::InitApply(pod("one", "Running")));
    assert!(pods.apply(Event::InitDone).is_empty());
}
