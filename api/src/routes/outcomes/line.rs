//! One line: an event, or a snapshot of totals.

use backends::postgres::api::outcomes::{Kind, SNAPSHOT_PREFIX, Subject, Told};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap};
use uuid::Uuid;

/// Longest ids, in characters.
const MAX_ID: usize = 200;
/// Longest name of an experiment and of a metric, in bytes.
const MAX_NAME: usize = 63;
/// Most metrics of a snapshot.
const MAX_TOTALS: usize = 50;
/// Largest value that is believed.
const MAX_VALUE: f64 = 1e12;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    event_id: Option<Cow<'a, str>>,
    post_id: Option<Uuid>,
    #[serde(borrow)]
    external_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    participant: Option<Cow<'a, str>>,
    #[serde(borrow)]
    experiment: Option<Cow<'a, str>>,
    #[serde(borrow)]
    metric: Option<Cow<'a, str>>,
    value: Option<f64>,
    at: DateTime<Utc>,
    totals: Option<BTreeMap<String, f64>>,
}

/// Reads line `number` (from 1) and adds what it tells to `out`.
///
/// # Errors
/// A sentence that says what is wrong; nothing is added then.
pub fn read(number: u64, line: &[u8], out: &mut Vec<Told>) -> Result<(), String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let at = line.at;
    match (line.totals, line.metric, line.event_id) {
        (Some(totals), None, None) => {
            if line.participant.is_some() {
                return Err("totals are told of posts; send a participant's events".into());
            }
            if line.value.is_some() {
                return Err(
                    "value belongs to an event; a snapshot has its values in totals".into(),
                );
            }
            if totals.is_empty() || totals.len() > MAX_TOTALS {
                return Err(format!("totals must have 1 to {MAX_TOTALS} metrics"));
            }
            for (metric, value) in &totals {
                check_metric(metric)?;
                check_value(*value)?;
            }
            let subject = subject(line.post_id, line.external_id, None, line.experiment)?;
            out.extend(totals.into_iter().map(|(metric, value)| Told {
                line: number,
                subject: subject.clone(),
                kind: Kind::Snapshot,
                metric,
                value,
                at,
            }));
        }
        (None, Some(metric), Some(event_id)) => {
            check_metric(&metric)?;
            check_event_id(&event_id)?;
            let value = line.value.unwrap_or(1.0);
            check_value(value)?;
            out.push(Told {
                line: number,
                subject: subject(
                    line.post_id,
                    line.external_id,
                    line.participant,
                    line.experiment,
                )?,
                kind: Kind::Event(event_id.into_owned()),
                metric: metric.into_owned(),
                value,
                at,
            });
        }
        _ => {
            return Err(
                "a line has either eventId and metric (an event) or totals (a snapshot)".into(),
            );
        }
    }
    Ok(())
}

fn subject(
    post: Option<Uuid>,
    external: Option<Cow<'_, str>>,
    participant: Option<Cow<'_, str>>,
    experiment: Option<Cow<'_, str>>,
) -> Result<Subject, String> {
    match (post, external, participant, experiment) {
        (Some(post), None, None, None) => Ok(Subject::Post(post)),
        (None, Some(external), None, None) => {
            check_id("externalId", &external)?;
            Ok(Subject::External(external.into_owned()))
        }
        (None, None, Some(participant), Some(experiment)) => {
            check_id("participant", &participant)?;
            if experiment.is_empty() || experiment.len() > MAX_NAME || experiment.contains('\0') {
                return Err(format!("experiment must have 1 to {MAX_NAME} characters"));
            }
            Ok(Subject::Participant {
                experiment: experiment.into_owned(),
                participant: participant.into_owned(),
            })
        }
        _ => Err(
            "a line names its subject by postId, by externalId, or by participant and experiment"
                .into(),
        ),
    }
}

/// # Errors
/// A sentence that says what is wrong.
pub fn check_event_id(id: &str) -> Result<(), String> {
    if id.starts_with(SNAPSHOT_PREFIX) {
        return Err(format!("eventId must not begin with `{SNAPSHOT_PREFIX}`"));
    }
    check_id("eventId", id)
}

fn check_id(field: &str, id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > 4 * MAX_ID || id.chars().count() > MAX_ID {
        return Err(format!("{field} must have 1 to {MAX_ID} characters"));
    }
    if id.chars().any(char::is_control) {
        return Err(format!("{field} must not have control characters"));
    }
    Ok(())
}

/// # Errors
/// A sentence that says what is wrong.
pub fn check_metric(metric: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let starts = metric
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    if !starts || metric.len() > MAX_NAME || !metric.bytes().all(inner) {
        return Err(format!(
            "a metric has 1 to {MAX_NAME} letters, digits, dots, dashes and underscores and begins with a letter"
        ));
    }
    Ok(())
}

/// # Errors
/// A sentence that says what is wrong.
pub fn check_value(value: f64) -> Result<(), String> {
    if (0.0..=MAX_VALUE).contains(&value) {
        Ok(())
    } else {
        Err("a value must be a number from 0 to 1e12".into())
    }
}

#[cfg(test)]
mod tests;
