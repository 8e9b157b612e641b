//! The portfolio as one JSON document, one achievement a line. README.md of this crate documents its members.

use crate::{
    RenderError,
    model::{Item, LeftOut},
    select::Document,
    totals::Totals,
    words,
};
use domain::achievement::{Component, Figure, FigureBasis, Finding, Period, Person, Score};
use jiff::Timestamp;
use serde::Serialize;
use std::{collections::BTreeMap, io::Write};
use uuid::Uuid;

/// Raised by every change after which a reader of the version before it would be misled. Members may be added within a version.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    schema_version: u32,
    template: crate::Template,
    title: &'a str,
    namespace: &'a str,
    person: Option<&'a str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    as_of: Timestamp,
    method: &'static str,
    left_out: LeftOut,
    /// Achievements that count in the totals and that this template does not tell.
    untold: usize,
    totals: &'a Totals,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Achievement<'a> {
    id: Uuid,
    group: &'a str,
    title: &'a str,
    summary: Option<&'a str>,
    category: domain::achievement::Category,
    visibility: domain::achievement::Visibility,
    private: bool,
    people: &'a [Person],
    repository: Option<&'a str>,
    number: Option<i64>,
    url: Option<&'a str>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    elapsed_hours: Option<f64>,
    impact: Option<Points<'a>>,
    complexity: Option<Points<'a>>,
    business_value: Vec<Value<'a>>,
    /// Why a member is null or empty.
    absent: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    rest: Option<Rest<'a>>,
}

/// What only the full archive tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest<'a> {
    section: Option<&'a str>,
    display_priority: i32,
    tags: &'a [String],
    source: &'a str,
    formula_version: Option<i32>,
    category_reason: Option<&'a str>,
    unparsed: &'a [String],
    findings: &'a [Finding],
    notes: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Points<'a> {
    points: i32,
    of: i32,
    evidenced: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<&'a [Component]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    amount: &'a str,
    unit: &'a str,
    period: Period,
    basis: FigureBasis,
    claimed: bool,
    quote: &'a str,
    /// 0 to 1.
    confidence: f64,
}

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    let head = Head {
        schema_version: SCHEMA_VERSION,
        template: document.template,
        title: &document.head.title,
        namespace: &document.head.namespace,
        person: document.head.person.as_deref(),
        since: document.head.since,
        until: document.head.until,
        as_of: document.head.as_of,
        method: words::METHOD,
        left_out: document.head.left_out,
        untold: document.chosen.untold,
        totals: &document.totals,
    };
    // The list comes last, so that it can be written one by one: the head's closing brace waits until then.
    let head = serde_json::to_string(&head)?;
    out.write_all(head.strip_suffix('}').unwrap_or(&head).as_bytes())?;
    out.write_all(b",\n\"achievements\":[")?;
    let mut separator = "\n";
    for group in &document.chosen.groups {
        for item in group.items() {
            out.write_all(separator.as_bytes())?;
            serde_json::to_writer(&mut *out, &achievement(document, &group.heading, &item))?;
            separator = ",\n";
        }
    }
    out.write_all(b"\n]}\n")?;
    Ok(())
}

fn achievement<'a>(document: &Document<'_>, group: &'a str, item: &'a Item) -> Achievement<'a> {
    let analysis = item.analysis.as_ref();
    let detailed = document.is_detailed();
    Achievement {
        id: item.id,
        group,
        title: &item.title,
        summary: item.summary.as_deref(),
        category: item.category,
        visibility: item.visibility,
        private: !item.is_public(),
        people: &item.people,
        repository: item.repository.as_deref(),
        number: item.number,
        url: item.url.as_deref(),
        started_at: item.started_at,
        completed_at: item.completed_at,
        elapsed_hours: analysis.and_then(|analysis| analysis.elapsed_hours),
        impact: analysis.map(|analysis| points(&analysis.impact, detailed)),
        complexity: analysis.map(|analysis| points(&analysis.complexity, detailed)),
        business_value: analysis
            .map(|analysis| analysis.business_value.figures.iter().map(value).collect())
            .unwrap_or_default(),
        absent: words::absent(item).into_iter().collect(),
        rest: document.is_complete().then(|| rest(item)),
    }
}

fn rest(item: &Item) -> Rest<'_> {
    let analysis = item.analysis.as_ref();
    Rest {
        section: item.section.as_deref(),
        display_priority: item.display_priority,
        tags: &item.tags,
        source: &item.source,
        formula_version: analysis.map(|it| it.formula_version),
        category_reason: analysis.map(|it| it.category_reason.as_str()),
        unparsed: analysis.map_or(&[], |it| &it.business_value.unparsed),
        findings: analysis.map_or(&[], |it| &it.findings),
        notes: analysis.map_or(&[], |it| &it.notes),
    }
}

fn points(score: &Score, detailed: bool) -> Points<'_> {
    Points {
        points: score.points,
        of: 100,
        evidenced: score.evidenced,
        components: detailed.then_some(score.components.as_slice()),
    }
}

fn value(figure: &Figure) -> Value<'_> {
    Value {
        amount: &figure.amount,
        unit: &figure.unit,
        period: figure.period,
        basis: figure.basis,
        claimed: figure.basis == FigureBasis::Claimed,
        quote: &figure.quote,
        confidence: f64::from(figure.confidence_bp) / 10_000.0,
    }
}
