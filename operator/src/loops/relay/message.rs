//! A row of the outbox as it goes over the wire.

use backends::{
    postgres::operator::outbox::{UnsentMessage, Wakes},
    rabbitmq::Outgoing,
};
use domain::{
    messages::{Body, Message, Metadata, Priority},
    names::wake_message_id,
};
use k8s_openapi::jiff::Timestamp;
use telemetry::TRACE;
use tracing::{Span, info_span};

/// The message of a row. Its id is a function of task and attempt, so that sending it twice is seen to be the same message.
#[must_use]
pub fn outgoing(row: &UnsentMessage) -> Outgoing {
    let id = wake_message_id(row.task_id, row.attempt);
    let message = Message {
        id,
        body: match row.wakes {
            Wakes::Persona { uid, .. } => Body::ContentGeneration {
                persona_uid: uid,
                task_id: row.task_id,
            },
            Wakes::Achievement { id } => Body::AchievementAnalysis {
                achievement_id: id,
                task_id: row.task_id,
            },
        },
        metadata: Metadata {
            created_at: Timestamp::from_microsecond(row.created_at.timestamp_micros())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            priority: Priority::of(row.priority),
            retry_count: row.retry_count,
        },
    };
    Outgoing::task(row.queue.clone(), id, message.to_json())
}

/// The span of sending a row, where its run is sampled.
pub(super) fn span(row: &UnsentMessage) -> Span {
    telemetry::child_of(row.traceparent.as_deref(), || {
        info_span!(
            target: TRACE,
            "send content.generation",
            otel.kind = "producer",
            messaging.system = "rabbitmq",
            messaging.operation.type = "send",
            messaging.destination.name = %row.queue,
            messaging.message.id = %wake_message_id(row.task_id, row.attempt),
            threads.task.id = %row.task_id,
        )
    })
}

/// The message of a row that is sent under `span`; whoever receives it continues the trace.
pub(super) fn traced(row: &UnsentMessage, span: &Span) -> Outgoing {
    Outgoing {
        traceparent: telemetry::traceparent(span).or_else(|| row.traceparent.clone()),
        ..outgoing(row)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_repeated_row_is_the_same_message_and_a_new_attempt_another() {
        let row = UnsentMessage {
            id: 7,
            task_id: Uuid::from_u128(1),
            attempt: 2,
            created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            namespace: "a".into(),
            wakes: Wakes::Persona {
                uid: Uuid::from_u128(9),
                name: "maya".into(),
            },
            queue: "content.generation.a.maya-1".into(),
            priority: 90,
            retry_count: 1,
            traceparent: None,
        };
        let message = outgoing(&row);
        assert_eq!(message, outgoing(&row));
        assert_eq!(message.routing_key, row.queue);
        let read = Message::from_json(&message.body).unwrap();
        assert_eq!(read.id, message.message_id);
        assert_eq!(read.metadata.priority, Priority::High);
        assert_eq!(read.metadata.created_at.to_string(), "2026-01-02T03:04:05Z");
        let analysis = outgoing(&UnsentMessage {
            wakes: Wakes::Achievement {
                id: Uuid::from_u128(3),
            },
            ..row.clone()
        });
        let wire: serde_json::Value = serde_json::from_slice(&analysis.body).unwrap();
        assert_eq!(wire["type"], "achievement.analysis");
        let next = outgoing(&UnsentMessage { attempt: 3, ..row });
        assert_ne!(next.message_id, message.message_id);
    }
}
