use super::*;

const QUEUE: &str = "content.generation.a.maya-01";

fn queue(kind: &str, arguments: &[&str]) -> QueueState {
    QueueState {
        name: QUEUE.into(),
        kind: kind.into(),
        messages: 5,
        unacknowledged: 2,
        consumers: 1,
        policy: None,
        arguments: arguments.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn binding(exchange: &str) -> Binding {
    Binding {
        exchange: exchange.into(),
        queue: QUEUE.into(),
        routing_key: QUEUE.into(),
    }
}

/// FAULTS 17 and 18.
#[test]
fn a_queue_stands_only_with_its_own_arguments_and_its_binding() {
    let sight = |queue, bindings| Listing::new(vec![queue], bindings).work_queue(QUEUE);
    assert_eq!(Listing::default().work_queue(QUEUE), QueueSight::Absent);
    assert_eq!(
        sight(queue("quorum", &[QUEUE_TYPE]), vec![binding("tasks")]),
        QueueSight::Standing { ready: 3 }
    );
    assert_eq!(
        sight(queue("quorum", &[QUEUE_TYPE]), vec![binding("events")]),
        QueueSight::Unbound { ready: 3 }
    );
    assert!(matches!(
        sight(queue("classic", &[]), vec![binding("tasks")]),
        QueueSight::Different { .. }
    ));
    let limited = queue("quorum", &[QUEUE_TYPE, "x-max-length"]);
    assert!(matches!(
        sight(limited, vec![binding("tasks")]),
        QueueSight::Different { .. }
    ));
}

#[test]
fn what_was_declared_counts_without_another_read() {
    let mut listing = Listing::default();
    listing.declared(QUEUE);
    assert_eq!(listing.work_queue(QUEUE), QueueSight::Standing { ready: 0 });
    assert_eq!(
        listing.dead_letter_queue(QUEUE),
        QueueSight::Standing { ready: 0 }
    );
}
