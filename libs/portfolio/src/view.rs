//! What a document for people says of one achievement, before any layout: Markdown, HTML and PDF show the same.

use crate::{
    model::Item,
    prose::{self, Block},
    select::Document,
    words,
};
use domain::achievement::{Component, Figure, FigureBasis, Score};

/// Letters of a description in a summary and in a technical portfolio.
const LEAD: usize = 320;
const PART: usize = 1_500;
/// Letters of a list on one line, and of what is never broken over two pages.
const MEMBERS: usize = 600;
const CELL: usize = 2_000;

/// One achievement. Whatever may be missing is a value or the reason why there is none.
pub struct View {
    /// From 1, through the whole document.
    pub ordinal: usize,
    pub title: String,
    pub url: Option<String>,
    /// `private` or `internal`; nothing where it is public.
    pub mark: Option<&'static str>,
    pub category: &'static str,
    pub completed: Result<String, String>,
    /// `owner/name #7`
    pub place: Option<String>,
    pub people: Option<String>,
    pub description: Vec<Block>,
    pub impact: Result<Gauge, String>,
    pub complexity: Result<Gauge, String>,
    pub elapsed: Result<String, String>,
    pub value: Result<Vec<Stated>, String>,
    /// Of impact and complexity, where the template tells them.
    pub tables: Vec<Table>,
    /// What only the full archive tells.
    pub facts: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
}

/// A score on a scale of 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    pub points: i32,
    /// Points that evidence could have given.
    pub evidenced: i32,
}

/// A figure that the text states.
pub struct Stated {
    /// `3 hours a week`
    pub text: String,
    /// claimed, measured, linked
    pub basis: &'static str,
    pub is_claimed: bool,
    pub confidence: String,
    pub quote: String,
}

/// The components of one score.
pub struct Table {
    /// Impact, Complexity
    pub name: &'static str,
    pub rows: Vec<Row>,
    /// `released (no release contains it yet)`
    pub without: Vec<String>,
}

pub struct Row {
    pub name: String,
    pub points: i32,
    pub cap: i32,
    pub evidence: String,
}

/// What is told of `item`, which went through `clean`.
pub fn of(document: &Document<'_>, item: &Item, ordinal: usize) -> View {
    let absent = |name: &str| {
        let reason = words::why_absent(item, name).unwrap_or_default();
        prose::cut(&reason, MEMBERS)
    };
    let analysis = item.analysis.as_ref();
    let figures = analysis.map(|it| it.business_value.figures.as_slice());
    View {
        ordinal,
        title: item.title.clone(),
        url: item.url.clone(),
        mark: (!item.is_public()).then(|| words::visibility(item.visibility)),
        category: words::category(item.category),
        completed: item
            .completed_at
            .map(words::day)
            .ok_or_else(|| absent("completedAt")),
        place: words::place(item),
        people: words::people(item).map(|people| prose::cut(&people, MEMBERS)),
        description: description(document, item),
        impact: analysis
            .map(|it| gauge(&it.impact))
            .ok_or_else(|| absent("impact")),
        complexity: analysis
            .map(|it| gauge(&it.complexity))
            .ok_or_else(|| absent("complexity")),
        elapsed: analysis
            .and_then(|it| it.elapsed_hours)
            .map(words::span)
            .ok_or_else(|| absent("elapsedHours")),
        value: figures
            .filter(|figures| !figures.is_empty())
            .map(|figures| figures.iter().map(stated).collect())
            .ok_or_else(|| absent("businessValue")),
        tables: analysis
            .filter(|_| document.is_detailed())
            .map(|it| {
                vec![
                    table("Impact", &it.impact),
                    table("Complexity", &it.complexity),
                ]
            })
            .unwrap_or_default(),
        facts: if document.is_complete() {
            facts(item)
        } else {
            vec![]
        },
        notes: if document.is_complete() {
            notes(item)
        } else {
            vec![]
        },
    }
}

fn description(document: &Document<'_>, item: &Item) -> Vec<Block> {
    let text = item.summary.as_deref().unwrap_or_default();
    if document.is_complete() {
        prose::blocks(text, usize::MAX)
    } else if document.is_detailed() {
        prose::blocks(text, PART)
    } else {
        prose::lead(text, LEAD)
            .map(Block::Paragraph)
            .into_iter()
            .collect()
    }
}

fn gauge(score: &Score) -> Gauge {
    let evidenced = score.evidenced.clamp(0, 100);
    Gauge {
        points: score.points.clamp(0, 100),
        evidenced,
    }
}

fn stated(figure: &Figure) -> Stated {
    Stated {
        text: words::figure(figure),
        basis: words::basis(figure.basis),
        is_claimed: figure.basis == FigureBasis::Claimed,
        confidence: words::confidence(figure.confidence_bp),
        quote: figure.quote.clone(),
    }
}

fn table(name: &'static str, score: &Score) -> Table {
    let row = |component: &Component| Row {
        name: capital(&component.name),
        points: component.points,
        cap: component.cap,
        evidence: prose::cut(&quoted(&component.evidence.join("; ")), CELL),
    };
    let with = |component: &&Component| component.absent.is_none();
    Table {
        name,
        rows: score.components.iter().filter(with).map(row).collect(),
        without: score
            .components
            .iter()
            .filter_map(|component| {
                let reason = component.absent.as_ref()?;
                Some(format!("{} ({reason})", component.name))
            })
            .collect(),
    }
}

/// Evidence names labels and branches between backticks, which only Markdown would show as more than backticks.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut opens = true;
    for letter in text.chars() {
        if letter == '`' {
            out.push(if opens { '“' } else { '”' });
            opens = !opens;
        } else {
            out.push(letter);
        }
    }
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

fn facts(item: &Item) -> Vec<(&'static str, String)> {
    let started = item.started_at.map(words::moment);
    let completed = item.completed_at.map(words::moment);
    let analysis = item.analysis.as_ref();
    [
        ("Record", Some(item.id.to_string())),
        ("Source", Some(item.source.clone())),
        ("Started", started),
        ("Completed", completed),
        ("Section", item.section.clone()),
        ("Display priority", Some(item.display_priority.to_string())),
        ("Labels", Some(item.tags.join(", "))),
        (
            "Category by",
            analysis.map(|analysis| quoted(&analysis.category_reason)),
        ),
        (
            "Formula",
            analysis.map(|analysis| format!("version {}", analysis.formula_version)),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some((name, prose::cut(&value, CELL)))
    })
    .collect()
}

fn notes(item: &Item) -> Vec<String> {
    let Some(analysis) = &item.analysis else {
        return vec![];
    };
    let findings = analysis
        .findings
        .iter()
        .map(|finding| format!("To look at: {}", finding.detail));
    let unparsed = analysis
        .business_value
        .unparsed
        .iter()
        .map(|reason| format!("Not read as a value: {reason}"));
    let notes = analysis.notes.iter().map(|note| capital(note));
    notes.chain(unparsed).chain(findings).collect()
}
