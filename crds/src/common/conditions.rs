//! Conditions as a list: how one is found, set and declared in the schema.

use super::condition::{ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Longest message that [`set_condition`] stores, in characters; a longer one is cut.
pub const MESSAGE_MAX: usize = 1024;

/// What a new resource says of itself before the operator has seen it.
pub const PENDING_MESSAGE: &str = "Waiting for the operator to look at this resource.";

/// The three values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionState {
    True,
    False,
    Unknown,
}

impl ConditionState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionState {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Puts a condition into the list, replacing the one of its type.
///
/// `lastTransitionTime` stays as it was while the status is unchanged; the schema's default carries the epoch, because a
/// default cannot tell the time, and that is no time to keep. The list stays sorted by first appearance, so that an
/// unchanged set of conditions serializes to the same bytes.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    type_: ConditionType,
    status: ConditionState,
    reason: Reason,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    let mut next = Condition {
        type_: type_.as_str().to_owned(),
        status: status.as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        message: cut(message),
        observed_generation: generation,
        last_transition_time: Time(now),
    };
    match conditions
        .iter_mut()
        .find(|condition| condition.type_ == next.type_)
    {
        None => conditions.push(next),
        Some(old) => {
            if old.status == next.status && old.last_transition_time.0 != Timestamp::UNIX_EPOCH {
                next.last_transition_time = old.last_transition_time.clone();
            }
            *old = next;
        }
    }
}

/// The condition of a type, where the list has it.
#[must_use]
pub fn find_condition(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions
        .iter()
        .find(|condition| condition.type_ == type_.as_str())
}

/// Whether the condition is there and True.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    find_condition(conditions, type_)
        .is_some_and(|condition| condition.status == ConditionState::True.as_str())
}

fn cut(message: &str) -> String {
    if message.chars().count() <= MESSAGE_MAX {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_MAX - 1).chain(['…']).collect()
}

/// The default of `status`: nothing looks healthy before the operator has seen it, and no first write is needed for that.
#[must_use]
pub fn pending_status() -> Value {
    let condition = |type_: ConditionType, status: ConditionState| {
        json!({
            "type": type_.as_str(),
            "status": status.as_str(),
            "reason": Reason::Pending.as_str(),
            "message": PENDING_MESSAGE,
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    };
    json!({ "conditions": [
        condition(ConditionType::Ready, ConditionState::Unknown),
        condition(ConditionType::Reconciling, ConditionState::True),
    ]})
}

/// Schema of a list of conditions, bounded, and a map by type for server-side apply.
pub fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 24,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "description": "What the condition is about, for example Ready.",
                    "type": "string", "minLength": 1, "maxLength": 63,
                },
                "status": {
                    "description": "Whether it holds: True, False or Unknown.",
                    "type": "string", "enum": ["True", "False", "Unknown"],
                },
                "reason": {
                    "description": "Why, in one word for machines.",
                    "type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$",
                },
                "message": {
                    "description": "Why, in a sentence for people.",
                    "type": "string", "maxLength": MESSAGE_MAX,
                },
                "observedGeneration": {
                    "description": "The metadata.generation that this was said of.",
                    "type": "integer", "format": "int64", "minimum": 0, "maximum": 9_007_199_254_740_991_i64,
                },
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string", "format": "date-time",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests;
