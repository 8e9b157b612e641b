//! What has to be written so that the record says what the resource says. Pure.

use super::{observe::Observed, validate::ValidatedAchievement};
use crate::prompt_template::plan::Problem;
use crds::Reason;
use domain::achievement::Overrides;
use serde_json::Value;

/// What [`super::apply`] does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What the resource declares, where the record does not say so yet.
    pub declare: Option<Overrides>,
    pub problems: Vec<Problem>,
    /// What differs although the resource did not change.
    pub drift: Option<String>,
}

#[must_use]
pub fn plan(achievement: &ValidatedAchievement, observed: &Observed) -> Plan {
    let mut plan = Plan {
        declare: None,
        problems: Vec::new(),
        drift: None,
    };
    if observed.held_by_another {
        plan.problems.push(Problem::of_person(
            Reason::Conflict,
            "another Achievement of this namespace stands for the same record; delete one of the two".to_owned(),
        ));
        return plan;
    }
    let mut wanted = achievement.overrides.clone();
    match &observed.duplicate_of {
        None => {}
        Some(Ok(word)) => wanted.duplicate_of = Some(word.clone()),
        Some(Err(problem)) => plan.problems.push(problem.clone()),
    }
    let Some(row) = &observed.row else {
        plan.declare = (!achievement.suspended).then_some(wanted);
        return plan;
    };
    // The operator made the resource: a record that somebody deleted takes it along.
    if row.deleted && achievement.collected {
        return plan;
    }
    let known = row.resource_uid == Some(achievement.uid) && row.declared == wanted;
    let lost = lost_fields(&row.overrides, &wanted);
    if known && (row.deleted || !lost.is_empty()) {
        plan.drift = Some(if row.deleted {
            "the record was deleted".to_owned()
        } else {
            format!("the record says something else of {}", lost.join(", "))
        });
    }
    let differs = !known || row.deleted || !lost.is_empty() || row.publish != achievement.publish;
    let left = plan.drift.is_some() && achievement.report_drift;
    if differs && !left && !achievement.suspended {
        plan.declare = Some(wanted);
    }
    plan
}

/// Fields that the resource sets and the record does not have so.
fn lost_fields(found: &Overrides, wanted: &Overrides) -> Vec<String> {
    let fields = |overrides: &Overrides| match serde_json::to_value(overrides) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (found, wanted) = (fields(found), fields(wanted));
    wanted
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(*value))
        .map(|(key, _)| key.clone())
        .collect()
}
