//! What a text states of its worth: money, hours, incidents. Only what is written is read; what could mean two things stays unread,
//! with a reason. Nothing is converted between currencies.

mod calendar;
mod context;
mod mentions;
mod number;

use super::{BusinessValue, Figure, FigureBasis, findings::neutral, prose::prose};
use context::Context;
use mentions::Mention;

pub use calendar::{
    SPRINT_WEEKS, WORKING_DAYS, WORKING_WEEKS, hours_a_year, incidents_a_year, money_a_year,
};

/// Texts are read up to here, letters.
const LONGEST: usize = 64 * 1024;
/// Figures of one text at most, claimed ones and others apart, and reasons why something was not read. Each is worth a point at least
/// and more than either kind may give, so that what comes later would add none: more text never lowers a score.
const MOST: usize = 20;
/// A quote holds so many letters around a figure.
const QUOTE: usize = 160;

/// What a description states. The same text gives the same figures, in the order in which they stand.
#[must_use]
pub fn described(text: &str) -> BusinessValue {
    read(text, false)
}

/// What a person declared as the value: its figures need no verb.
#[must_use]
pub fn declared(text: &str) -> BusinessValue {
    read(text, true)
}

fn read(text: &str, declared: bool) -> BusinessValue {
    let text = prose(&neutral(text, LONGEST));
    let mut read = BusinessValue::default();
    for sentence in sentences(&text) {
        sentence_of(sentence, declared, &mut read);
    }
    read
}

/// Lines, and what stands between marks that end a sentence.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split_inclusive(". "))
        .flat_map(|part| part.split_inclusive("? "))
        .flat_map(|part| part.split_inclusive("! "))
        .flat_map(|part| part.split_inclusive("; "))
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

fn sentence_of(sentence: &str, declared: bool, read: &mut BusinessValue) {
    let context = Context::of(sentence, declared);
    let mut found = mentions::mentions(sentence, MOST);
    found.retain(|mention| context.concerns(mention.kind));
    let Some(first) = found.first() else { return };
    if let Some(reason) = context::refusal(sentence) {
        let quote = quoted(sentence, first);
        unread(format!("“{quote}” {reason}"), &mut read.unparsed);
        return;
    }
    let basis = context::basis(sentence);
    for mention in found {
        let quote = quoted(sentence, &mention);
        match figure(sentence, &mention, context, basis) {
            Ok(figure) => keep(Figure { quote, ..figure }, read),
            Err(reason) => unread(format!("“{quote}” {reason}"), &mut read.unparsed),
        }
    }
}

/// A figure that was said before is the same one: saying it twice makes it no greater.
fn keep(figure: Figure, read: &mut BusinessValue) {
    let known = read.figures.iter().any(|other| {
        (&other.amount, &other.unit, other.period, other.basis)
            == (&figure.amount, &figure.unit, figure.period, figure.basis)
    });
    let claimed = |figure: &Figure| figure.basis == FigureBasis::Claimed;
    let alike = read
        .figures
        .iter()
        .filter(|other| claimed(other) == claimed(&figure));
    if known {
        return;
    }
    if alike.count() < MOST {
        read.figures.push(figure);
    } else {
        unread(
            format!("at most {MOST} figures are read"),
            &mut read.unparsed,
        );
    }
}

/// The same reason is told once.
fn unread(reason: String, unparsed: &mut Vec<String>) {
    if unparsed.len() < MOST && !unparsed.contains(&reason) {
        unparsed.push(reason);
    }
}

fn figure(
    sentence: &str,
    mention: &Mention,
    context: Context,
    basis: FigureBasis,
) -> Result<Figure, &'static str> {
    /// What a rounded figure or a lower bound is trusted less, basis points.
    const ROUNDED: i32 = 1_000;
    let (amount, unit, period) = mention.read.clone()?;
    if let Some(reason) = context.objection(sentence, mention) {
        return Err(reason);
    }
    let confidence = match basis {
        FigureBasis::Linked => 9_000,
        FigureBasis::Measured => 8_000,
        FigureBasis::Claimed => 5_000,
    };
    let rounded = context::is_about(sentence, mention);
    Ok(Figure {
        amount,
        unit,
        period: period.unwrap_or(super::Period::Once),
        basis,
        quote: String::new(),
        confidence_bp: if rounded {
            confidence - ROUNDED
        } else {
            confidence
        },
    })
}

/// The words around a figure; what is left out at either end is shown by `…`.
fn quoted(sentence: &str, mention: &Mention) -> String {
    let letters = sentence.chars().count();
    if letters <= QUOTE {
        return sentence.to_owned();
    }
    let at = sentence[..mention.place.start].chars().count();
    let from = at.saturating_sub(QUOTE / 2).min(letters - QUOTE);
    let quote: String = sentence.chars().skip(from).take(QUOTE).collect();
    let (head, tail) = (from > 0, from + QUOTE < letters);
    format!(
        "{}{quote}{}",
        if head { "…" } else { "" },
        if tail { "…" } else { "" }
    )
}

#[cfg(test)]
mod tests;
