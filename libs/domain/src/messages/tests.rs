#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn messages_survive_the_wire(id: u128, persona: u128, task: u128, retries in 0..20i32, priority in 0..=100i32, second in 0..4_000_000_000i64) {
        let message = Message {
            id: Uuid::from_u128(id),
            body: Body::ContentGeneration { persona_uid: Uuid::from_u128(persona), task_id: Uuid::from_u128(task) },
            metadata: Metadata {
                created_at: jiff::Timestamp::from_second(second).unwrap(),
                priority: Priority::of(priority),
                retry_count: retries,
            },
        };
        prop_assert_eq!(Message::from_json(&message.to_json()).unwrap(), message);
    }
}

#[test]
fn the_wire_form_is_the_documented_one() {
    let json = serde_json::json!({
        "id": "00000000-0000-0000-0000-000000000001",
        "type": "content.generation",
        "payload": {"persona_uid": "00000000-0000-0000-0000-000000000002", "task_id": "00000000-0000-0000-0000-000000000003"},
        "metadata": {"created_at": "2026-11-23T00:00:00Z", "priority": "high", "retry_count": 0}
    });
    let message: Message = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), json);
}

#[test]
fn an_unknown_type_is_refused() {
    assert!(Message::from_json(br#"{"id":"00000000-0000-0000-0000-000000000001","type":"other","payload":{},"metadata":{}}"#).is_err());
}
