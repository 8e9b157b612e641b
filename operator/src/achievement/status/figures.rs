//! What the record and its analysis come to, within the bounds of the schema.

use backends::postgres::operator::achievements::AchievementRow;
use chrono::{DateTime, Utc};
use crds::{
    AchievementStatus,
    achievement::{
        BusinessValueStatus, ComponentStatus, ContentJobRef, DuplicateStatus, FigureStatus,
        FindingStatus, ScoreStatus,
    },
};
use domain::achievement::{Analysis, BusinessValue, Score, findings::neutral};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

pub(super) fn fill(status: &mut AchievementStatus, row: &AchievementRow) {
    status.record_id = Some(row.id.to_string());
    status.source = Some(cut(&source_of(row), 160));
    status.title = (!holds_secret(row.analysis.as_ref()) && row.analysis.is_some())
        .then(|| cut(&row.title, 255));
    status.visibility = Some(row.visibility.clone());
    status.people = row.logins.iter().take(10).map(|it| cut(it, 100)).collect();
    status.category = Some(row.category.clone());
    status.portfolio_ready = Some(row.portfolio_ready);
    status.duplicate_of = row.duplicate_of.map(|id| DuplicateStatus {
        record_id: id.to_string(),
        name: row.duplicate_name.clone(),
        similarity_bp: row.duplicate_bp,
    });
    status.reverted_by = row.reverted_by.map(|id| id.to_string());
    status.content_job_ref = row.announced_job.clone().map(|name| ContentJobRef { name });
    status.published_by = row.announcement.as_ref().map(|it| it.persona.clone());
    status.announced_at = row.announced_at.and_then(time);
    if let Some(analysis) = &row.analysis {
        status.analyzed_at = row.analyzed_at.and_then(time);
        status.formula_version = Some(analysis.formula_version);
        status.category_reason = Some(cut(&analysis.category_reason, 256));
        status.impact_score = Some(score(&analysis.impact));
        status.complexity_score = Some(score(&analysis.complexity));
        status.business_value = Some(value(&analysis.business_value));
        status.findings = analysis
            .findings
            .iter()
            .take(10)
            .map(|it| FindingStatus {
                kind: cut(&it.kind, 32),
                detail: cut(&it.detail, 256),
            })
            .collect();
    }
}

/// A text that may hold a secret is shown nowhere (FAULTS 60); before the analysis nobody knows.
fn holds_secret(analysis: Option<&Analysis>) -> bool {
    analysis.is_some_and(|analysis| analysis.findings.iter().any(|it| it.kind == "secret"))
}

fn source_of(row: &AchievementRow) -> String {
    match (&row.repository, row.number) {
        (Some(repository), Some(number)) => format!("{repository}#{number}"),
        (Some(repository), None) => repository.clone(),
        _ => row.source_type.clone(),
    }
}

fn score(score: &Score) -> ScoreStatus {
    ScoreStatus {
        points: score.points.clamp(0, 100),
        evidenced: score.evidenced.clamp(0, 100),
        components: score
            .components
            .iter()
            .take(20)
            .map(|it| ComponentStatus {
                name: cut(&it.name, 64),
                points: it.points.clamp(0, 100),
                cap: it.cap.clamp(0, 100),
                evidence: it.evidence.iter().take(5).map(|it| cut(it, 256)).collect(),
                absent: it.absent.as_deref().map(|it| cut(it, 256)),
            })
            .collect(),
    }
}

fn value(value: &BusinessValue) -> BusinessValueStatus {
    BusinessValueStatus {
        figures: value
            .figures
            .iter()
            .take(10)
            .map(|it| FigureStatus {
                amount: cut(&it.amount, 40),
                unit: cut(&it.unit, 16),
                period: format!("{:?}", it.period).to_lowercase(),
                basis: format!("{:?}", it.basis).to_lowercase(),
                quote: cut(&it.quote, 256),
                confidence_bp: it.confidence_bp.clamp(0, 10_000),
            })
            .collect(),
        unparsed: value
            .unparsed
            .iter()
            .take(5)
            .map(|it| cut(it, 256))
            .collect(),
    }
}

/// One line of at most `max` characters, without secrets and what hides or reorders text (FAULTS 60).
pub(super) fn cut(text: &str, max: usize) -> String {
    let plain = neutral(text, text.len());
    let mut line: String = plain
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(max + 1)
        .collect();
    if line.chars().count() > max {
        line = line.chars().take(max - 1).chain(['…']).collect();
    }
    line
}

fn time(at: DateTime<Utc>) -> Option<Time> {
    Timestamp::from_second(at.timestamp()).ok().map(Time)
}
