//! The portfolio as a table by RFC 4180, one achievement a row, safe to open in a spreadsheet.

use crate::{RenderError, clean, model::Item, select::Document, words};
use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use domain::achievement::{Analysis, FigureBasis, Score};
use std::io::Write;

/// From which template on a column is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Summary,
    Technical,
    Archive,
}

type Cell = fn(&Item) -> String;

const COLUMNS: [(&str, From, Cell); 27] = [
    ("id", From::Summary, |it| it.id.to_string()),
    ("title", From::Summary, |it| it.title.clone()),
    ("category", From::Summary, |it| {
        words::category(it.category).to_owned()
    }),
    ("completed_at", From::Summary, |it| {
        it.completed_at.map(|at| at.to_string()).unwrap_or_default()
    }),
    ("impact_points", From::Summary, |it| {
        points(it, |analysis| &analysis.impact)
    }),
    ("impact_evidenced_of_100", From::Summary, |it| {
        evidenced(it, |analysis| &analysis.impact)
    }),
    ("business_value", From::Summary, business_value),
    ("business_value_is_claimed", From::Summary, is_claimed),
    ("visibility", From::Summary, |it| {
        words::visibility(it.visibility).to_owned()
    }),
    ("private", From::Summary, |it| {
        (if it.is_public() { "no" } else { "yes" }).to_owned()
    }),
    ("repository", From::Summary, |it| {
        text(it.repository.as_deref())
    }),
    ("number", From::Summary, |it| {
        it.number
            .map(|number| number.to_string())
            .unwrap_or_default()
    }),
    ("url", From::Summary, |it| text(it.url.as_deref())),
    ("people", From::Summary, |it| {
        words::people(it).unwrap_or_default()
    }),
    ("absent", From::Summary, absent),
    ("summary", From::Technical, |it| {
        clean::line(it.summary.as_deref().unwrap_or_default(), LONGEST_CELL)
    }),
    ("complexity_points", From::Technical, |it| {
        points(it, |analysis| &analysis.complexity)
    }),
    ("complexity_evidenced_of_100", From::Technical, |it| {
        evidenced(it, |analysis| &analysis.complexity)
    }),
    ("impact_evidence", From::Technical, |it| {
        components(it, |analysis| &analysis.impact)
    }),
    ("complexity_evidence", From::Technical, |it| {
        components(it, |analysis| &analysis.complexity)
    }),
    ("elapsed_hours", From::Technical, |it| {
        let hours = it.analysis.as_ref().and_then(|it| it.elapsed_hours);
        hours.map(|hours| hours.to_string()).unwrap_or_default()
    }),
    ("started_at", From::Archive, |it| {
        it.started_at.map(|at| at.to_string()).unwrap_or_default()
    }),
    ("section", From::Archive, |it| text(it.section.as_deref())),
    ("display_priority", From::Archive, |it| {
        it.display_priority.to_string()
    }),
    ("tags", From::Archive, |it| it.tags.join(", ")),
    ("source", From::Archive, |it| it.source.clone()),
    ("notes", From::Archive, notes),
];
/// Letters; spreadsheets hold 32,767.
const LONGEST_CELL: usize = 30_000;

pub fn write(document: &Document<'_>, out: &mut impl Write) -> Result<(), RenderError> {
    let from = if document.is_complete() {
        From::Archive
    } else if document.is_detailed() {
        From::Technical
    } else {
        From::Summary
    };
    let told = || COLUMNS.iter().filter(|(_, column, _)| *column <= from);
    let mut table = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Always)
        .from_writer(out);
    table.write_record(told().map(|(name, _, _)| name))?;
    for group in &document.chosen.groups {
        for item in group.items() {
            table.write_record(told().map(|(_, _, cell)| harmless(&cell(&item))))?;
        }
    }
    table.flush()?;
    Ok(())
}

/// Letters by which a spreadsheet takes a cell for a formula, their wide forms included.
pub const fn begins_formula(letter: char) -> bool {
    matches!(
        letter,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
    )
}

/// The text as no spreadsheet calculates it: an apostrophe stands before what would begin a formula, at the start and after a semicolon,
/// which is where a spreadsheet set to other languages begins the next cell.
fn harmless(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len() + 1);
    let mut at_start = true;
    for letter in cell.chars().take(LONGEST_CELL) {
        if at_start && begins_formula(letter) {
            out.push('\'');
        }
        out.push(letter);
        at_start = letter == ';' || (at_start && letter.is_whitespace());
    }
    out
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn score(item: &Item, which: fn(&Analysis) -> &Score) -> Option<&Score> {
    item.analysis.as_ref().map(which)
}

fn points(item: &Item, which: fn(&Analysis) -> &Score) -> String {
    score(item, which).map_or_else(String::new, |score| score.points.to_string())
}

fn evidenced(item: &Item, which: fn(&Analysis) -> &Score) -> String {
    score(item, which).map_or_else(String::new, |score| score.evidenced.to_string())
}

/// `delivered 15/15: merged into … | released 0/15: none, no release contains it yet`
fn components(item: &Item, which: fn(&Analysis) -> &Score) -> String {
    let Some(score) = score(item, which) else {
        return String::new();
    };
    let components: Vec<String> = score
        .components
        .iter()
        .map(|component| {
            let said = component.absent.as_ref().map_or_else(
                || component.evidence.join(", "),
                |reason| format!("none, {reason}"),
            );
            let (points, cap) = (component.points, component.cap);
            format!("{} {points}/{cap}: {said}", component.name)
        })
        .collect();
    components.join(" | ")
}

/// Each figure with its basis and the words it was read from.
fn business_value(item: &Item) -> String {
    let figures = item
        .analysis
        .iter()
        .flat_map(|it| &it.business_value.figures);
    let figures: Vec<String> = figures
        .map(|figure| {
            format!(
                "{} ({}, confidence {}: “{}”)",
                words::figure(figure),
                words::basis(figure.basis),
                words::confidence(figure.confidence_bp),
                figure.quote
            )
        })
        .collect();
    figures.join(" | ")
}

fn is_claimed(item: &Item) -> String {
    let mut figures = item
        .analysis
        .iter()
        .flat_map(|it| &it.business_value.figures);
    let claimed = |figure: &domain::achievement::Figure| figure.basis == FigureBasis::Claimed;
    let answer = match figures.next() {
        None => "",
        Some(first) if claimed(first) || figures.any(claimed) => "yes",
        Some(_) => "no",
    };
    answer.to_owned()
}

fn absent(item: &Item) -> String {
    let absent: Vec<String> = words::absent(item)
        .into_iter()
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    absent.join(" | ")
}

fn notes(item: &Item) -> String {
    let Some(analysis) = &item.analysis else {
        return String::new();
    };
    let findings = analysis.findings.iter().map(|it| it.detail.clone());
    let notes: Vec<String> = analysis.notes.iter().cloned().chain(findings).collect();
    notes.join(" | ")
}
