#![allow(clippy::unwrap_used)]

use super::*;
use backends::rabbitmq::{Binding, QueueState};
use domain::names::dead_letter_queue;

const QUEUE: &str = "content.generation.a.maya-01";

fn picture() -> PersonaPicture {
    PersonaPicture {
        uid: Uuid::from_u128(1),
        namespace: "a".into(),
        name: "maya".into(),
        queue: QUEUE.into(),
        collection: "posts".into(),
        current_revision: None,
        suspended: false,
        tokens_per_day: None,
        tokens_today: 0,
        posts: 0,
        dead_lettered: 0,
        model_seen: false,
        model_error: None,
        unroutable: false,
    }
}

fn broker(ready: u64) -> Listing {
    let names = [
        (QUEUE.to_owned(), "tasks", ready),
        (dead_letter_queue(QUEUE), "tasks.dead", 0),
    ];
    let queue = |name: &String, messages| QueueState {
        name: name.clone(),
        kind: "quorum".into(),
        messages,
        unacknowledged: 0,
        consumers: 0,
        policy: None,
        arguments: vec!["x-queue-type".into()],
    };
    Listing::new(
        names
            .iter()
            .map(|(name, _, ready)| queue(name, *ready))
            .collect(),
        names
            .iter()
            .map(|(name, exchange, _)| Binding {
                exchange: (*exchange).into(),
                queue: name.clone(),
                routing_key: QUEUE.into(),
            })
            .collect(),
    )
}

fn reading() -> Reading {
    Reading {
        personas: Some(vec![picture()]),
        broker: Some(broker(0)),
        collections: Some(HashSet::from(["posts".to_owned()])),
    }
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_converged_persona_is_left_in_peace() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    for round in 0..20 {
        assert!(
            reader
                .changed(&reading(), after(start, round * 30))
                .is_empty()
        );
    }
}

/// FAULTS 17, 26, 31.
#[test]
fn a_lost_queue_collection_or_row_concerns_its_persona_alone() {
    let start = Instant::now();
    let losses: [fn(&mut Reading); 3] = [
        |reading| reading.broker = Some(Listing::default()),
        |reading| reading.collections = Some(HashSet::new()),
        |reading| {
            reading
                .personas
                .as_mut()
                .unwrap()
                .retain(|picture| picture.name != "maya")
        },
    ];
    for lose in losses {
        let mut reader = DriftReader::default();
        let with_another = || {
            let mut reading = reading();
            let mut other = picture();
            (other.uid, other.name) = (Uuid::from_u128(2), "other".into());
            other.queue = "content.generation.a.other-02".into();
            reading.personas.as_mut().unwrap().push(other);
            reading
        };
        reader.changed(&with_another(), start);
        let mut lost = with_another();
        lose(&mut lost);
        let changed = reader.changed(&lost, after(start, 30));
        assert!(changed.iter().any(|reference| reference.name == "maya"));
        assert!(
            reader.changed(&lost, after(start, 60)).is_empty(),
            "told once"
        );
    }
}

#[test]
fn counters_bring_a_reconcile_at_most_once_a_minute() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    reader.changed(&reading(), start);
    let busy = |posts| {
        let mut reading = reading();
        reading.personas.as_mut().unwrap()[0].posts = posts;
        reading
    };
    assert!(reader.changed(&busy(1), after(start, 30)).is_empty());
    assert_eq!(reader.changed(&busy(2), after(start, 60)).len(), 1);
    assert!(reader.changed(&busy(3), after(start, 90)).is_empty());
    assert_eq!(
        reader.changed(&busy(3), after(start, 120)).len(),
        1,
        "nothing is forgotten"
    );
    assert!(reader.changed(&busy(3), after(start, 500)).is_empty());
}

#[test]
fn what_people_must_know_at_once_does_not_wait_for_the_minute() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    reader.changed(&reading(), start);
    let mut failing = reading();
    failing.personas.as_mut().unwrap()[0].model_error = Some("Timeout: none".into());
    assert_eq!(reader.changed(&failing, after(start, 1)).len(), 1);
    // FAULTS 16: that messages are held, and that they are no longer.
    failing.personas.as_mut().unwrap()[0].unroutable = true;
    assert_eq!(reader.changed(&failing, after(start, 2)).len(), 1);
    failing.personas.as_mut().unwrap()[0].unroutable = false;
    assert_eq!(reader.changed(&failing, after(start, 3)).len(), 1);
}

#[test]
fn an_outage_is_told_once_and_its_end_once() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    reader.changed(&reading(), start);
    let no_broker = || Reading {
        broker: None,
        ..reading()
    };
    assert_eq!(reader.changed(&no_broker(), after(start, 30)).len(), 1);
    assert!(reader.changed(&no_broker(), after(start, 60)).is_empty());
    assert_eq!(reader.changed(&reading(), after(start, 90)).len(), 1);
    let no_database = || Reading {
        personas: None,
        ..reading()
    };
    assert_eq!(reader.changed(&no_database(), after(start, 120)).len(), 1);
    assert!(reader.changed(&no_database(), after(start, 150)).is_empty());
    assert!(reader.changed(&reading(), after(start, 180)).is_empty());
}

#[test]
fn what_stays_wrong_is_looked_at_again() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    let broken = || Reading {
        broker: Some(Listing::default()),
        ..reading()
    };
    assert_eq!(reader.changed(&broken(), start).len(), 1);
    assert!(reader.changed(&broken(), after(start, 299)).is_empty());
    assert_eq!(reader.changed(&broken(), after(start, 301)).len(), 1);
}

#[test]
fn figures_show_the_last_look_also_where_no_reconcile_was_asked_for() {
    let (mut reader, start) = (DriftReader::default(), Instant::now());
    let metrics = Metrics::new().unwrap();
    let look = |backend: &str, word: &str| {
        let looks = &metrics.drift.looks;
        looks.with_label_values(&[backend, word]).get()
    };
    let ready = || metrics.drift.queues.with_label_values(&["work"]).get();
    let up = || {
        metrics
            .drift
            .backend_up
            .with_label_values(&["rabbitmq"])
            .get()
    };
    reader.changed(&reading(), start);
    reader.show(&reading(), &metrics);
    assert_eq!(
        (look("rabbitmq", "good"), look("qdrant", "good"), up()),
        (2, 1, 1)
    );
    // Ten messages more within the minute bring no reconcile, and are shown.
    let busy = Reading {
        broker: Some(broker(10)),
        collections: Some(HashSet::new()),
        ..reading()
    };
    reader.changed(&busy, after(start, 30));
    reader.show(&busy, &metrics);
    assert_eq!((ready(), look("qdrant", "bad")), (10, 1));
    let no_broker = Reading {
        broker: None,
        ..reading()
    };
    reader.changed(&no_broker, after(start, 60));
    reader.show(&no_broker, &metrics);
    assert_eq!(
        (look("rabbitmq", "unknown"), look("rabbitmq", "good"), up()),
        (2, 0, 0)
    );
    assert_eq!(ready(), 10, "what the broker told last");
}
