//! The whole analysis of one record: one pure function of what is known of it.

use super::{
    Analysis, Component, Score, Subject,
    business_value::{declared, described},
    category::category,
    complexity::complexity,
    findings::findings,
    impact::impact,
};

/// Raised by every change after which the same record may score otherwise.
pub const FORMULA_VERSION: i32 = 2;

/// Analyses a record. The same record gives the same analysis, on every machine.
#[must_use]
pub fn analyse(subject: &Subject) -> Analysis {
    let body = subject
        .pull_request
        .as_ref()
        .and_then(|pull| pull.body.as_deref());
    let business_value = match said(subject.business_value.as_deref()) {
        Some(text) => declared(text),
        None => described(
            said(subject.description.as_deref())
                .or(body)
                .unwrap_or_default(),
        ),
    };
    let impact = impact(subject, &business_value.figures);
    let (complexity, mut notes) = complexity(subject);
    let (category, category_reason) = category(subject);
    let elapsed_hours = elapsed(subject, &mut notes);
    Analysis {
        formula_version: FORMULA_VERSION,
        category,
        category_reason,
        impact,
        complexity,
        business_value,
        findings: findings(subject),
        elapsed_hours,
        notes,
    }
}

/// A blank text says nothing, and hides nothing that another one says.
fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// Between start and completion; how much of it somebody worked, nobody knows.
fn elapsed(subject: &Subject, notes: &mut Vec<String>) -> Option<f64> {
    let (Some(start), Some(end)) = (subject.started_at, subject.completed_at) else {
        notes.push("elapsed time is unknown: start or completion was not told".to_owned());
        return None;
    };
    let seconds = end.duration_since(start).as_secs_f64();
    if seconds < 0.0 {
        notes.push("elapsed time is unknown: the completion lies before the start".to_owned());
        return None;
    }
    Some((seconds / 36.0).round() / 100.0)
}

impl Score {
    /// The sum of the components, at most 100, and how much of it there was evidence for.
    #[must_use]
    pub fn of(components: Vec<Component>) -> Self {
        let points: i32 = components.iter().map(|component| component.points).sum();
        Self {
            points: points.clamp(0, 100),
            evidenced: components
                .iter()
                .filter(|component| component.absent.is_none())
                .map(|component| component.cap)
                .sum(),
            components,
        }
    }
}
