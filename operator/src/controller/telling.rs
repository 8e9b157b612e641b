//! What of a change of status people are told: a resource gets into a state in which somebody has to look.

use crds::ConditionType;
use domain::{
    names::notification_id,
    notifications::{Notification, Topic},
};
use kube::Resource;
use serde_json::Value;
use uuid::Uuid;

/// A condition's type and status, and what it is told as. A job that failed is not told a second time as stalled.
const TOLD: [(ConditionType, &str, Topic); 4] = [
    (ConditionType::Failed, "True", Topic::Failed),
    (ConditionType::Stalled, "True", Topic::Stalled),
    (ConditionType::DecisionReached, "True", Topic::Decided),
    (ConditionType::BudgetAvailable, "False", Topic::BudgetSpent),
];

/// What `after` has to be told of that `before` did not have yet; both are statuses as JSON.
#[must_use]
pub fn news<K>(object: &K, before: &Value, after: &Value) -> Vec<Notification>
where
    K: Resource<DynamicType = ()>,
{
    let meta = object.meta();
    let Some(uid) = meta
        .uid
        .as_deref()
        .and_then(|uid| Uuid::try_parse(uid).ok())
    else {
        return Vec::new();
    };
    let mut news: Vec<Notification> = TOLD
        .into_iter()
        .filter_map(|(type_, status, topic)| {
            let (old, new) = (condition(before, type_), condition(after, type_)?);
            let holds = |condition: &Value| condition["status"] == status;
            if !holds(new) || old.is_some_and(holds) {
                return None;
            }
            let since = old.and_then(|old| old["lastTransitionTime"].as_str());
            let text = |field: &str| new[field].as_str().unwrap_or_default().to_owned();
            Some(Notification {
                id: notification_id(uid, topic.as_str(), since.unwrap_or_default()),
                topic,
                kind: K::kind(&()).into_owned(),
                namespace: meta.namespace.clone().unwrap_or_default(),
                name: meta.name.clone().unwrap_or_default(),
                reason: text("reason"),
                message: text("message"),
            })
        })
        .collect();
    if news.iter().any(|one| one.topic == Topic::Failed) {
        news.retain(|one| one.topic != Topic::Stalled);
    }
    news
}

fn condition(status: &Value, type_: ConditionType) -> Option<&Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == type_.as_str())
}

#[cfg(test)]
mod tests;
