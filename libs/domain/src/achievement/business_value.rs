//! What a text states of its worth: money, hours, incidents. Only what is written is read; what could mean two things stays unread,
//! with a reason. Nothing is converted between currencies.

use super::{BusinessValue, Figure, FigureBasis, Period};
use regex::Regex;
use std::sync::LazyLock;

/// Weeks that somebody works in a year; the rest is holidays.
pub const WORKING_WEEKS: f64 = 46.0;
/// Days of a working week.
pub const WORKING_DAYS: f64 = 5.0;
/// A sprint is two weeks.
pub const SPRINT_WEEKS: f64 = 2.0;
/// Texts are read up to here, bytes.
const LONGEST: usize = 64 * 1024;
/// Figures of one text at most.
const MOST: usize = 20;
/// A quote holds so many letters around a figure.
const QUOTE: usize = 160;

const NUMBER: &str = r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)";
const PERIOD: &str = r"(?:\s*(?:/|a\b|an\b|per\b|each\b|every\b)\s*(?P<period>day|week|sprint|month|quarter|year|yr|wk|mo)s?\b|\s+(?P<adverb>daily|weekly|monthly|yearly|annually|p\.a\.))?";

static MONEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)(?:(?P<sign>[$€£])\s?{NUMBER}\s?(?P<scale>k|m|mn|thousand|million)?\b|\b(?P<code>USD|EUR|GBP|CHF)\s?{second}\s?(?P<scale2>k|m|mn|thousand|million)?\b|\b{third}\s?(?P<scale3>k|m|mn|thousand|million)?\s?(?P<code3>USD|EUR|GBP|CHF|euros?|dollars?|pounds?)\b){PERIOD}",
        second = NUMBER.replace("number", "number2"),
        third = NUMBER.replace("number", "number3"),
    ))
    .ok()
});
static HOURS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)\b{NUMBER}\s?(?P<unit>hours?|hrs?|h|minutes?|mins?|days?)\b{PERIOD}"
    ))
    .ok()
});
static INCIDENTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)\b(?:(?:avoid(?:s|ed)?|prevent(?:s|ed)?|eliminat(?:es|ed))\s+(?:about\s+|around\s+|~)?{NUMBER}\s+(?:\w+\s+)?(?:incidents?|outages?|pages?)|{other}\s+(?:fewer|less)\s+(?:incidents?|outages?|pages?)){PERIOD}",
        other = NUMBER.replace("number", "number2"),
    ))
    .ok()
});
/// Words without which a duration is only a duration.
static SAVES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(sav(?:e|es|ed|ing|ings)|reduc(?:e|es|ed|ing)|cut(?:s|ting)?|free(?:s|d)?\s+up|fewer|less manual|eliminat\w+|no longer)\b").ok()
});
static WORTH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(sav\w+|reduc\w+|cut\w*|earn\w*|revenue|worth|gain\w*|generat\w+|recover\w*|avoid\w*|lower\w*|cheaper|value)\b").ok()
});
/// Words that make a figure no statement of fact.
static DOUBT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(could|might|may|maybe|would|if|hope\w*|expect\w*|estimat\w+|target\w*|goal|up to|potential\w*|should|not|never|doesn't|didn't|won't)\b").ok()
});
static MEASURED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(measured|benchmark\w*|before and after|according to (?:the )?(?:dashboard|billing|invoice|metrics)|billing shows|metrics show|dashboard shows|a/b test)\b").ok()
});
static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"https?://[^\s<>)\]]+").ok());
static RANGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\d\s?(?:k|m)?\s?(?:-|–|to)\s?[$€£]?\s?\d").ok());

/// What the text states. The same text gives the same figures, in the order in which they stand.
#[must_use]
pub fn business_value(text: &str) -> BusinessValue {
    let mut read = BusinessValue::default();
    for sentence in sentences(bounded(text)) {
        if read.figures.len() >= MOST {
            read.unparsed
                .push(format!("only the first {MOST} figures are read"));
            break;
        }
        sentence_of(sentence, &mut read);
    }
    read.unparsed.dedup();
    read.unparsed.truncate(MOST);
    read
}

/// Hours in a working year; a figure that happens once counts once.
#[must_use]
pub fn hours_a_year(figure: &Figure) -> f64 {
    figure.amount.parse::<f64>().unwrap_or(0.0) * times_a_year(figure.period)
}

/// Money a year, in the figure's own currency.
#[must_use]
pub fn money_a_year(figure: &Figure) -> f64 {
    let times = match figure.period {
        Period::Month => 12.0,
        Period::Year | Period::Once => 1.0,
        other => times_a_year(other),
    };
    figure.amount.parse::<f64>().unwrap_or(0.0) * times
}

fn times_a_year(period: Period) -> f64 {
    match period {
        Period::Day => WORKING_DAYS * WORKING_WEEKS,
        Period::Week => WORKING_WEEKS,
        Period::Sprint => WORKING_WEEKS / SPRINT_WEEKS,
        Period::Month => WORKING_WEEKS * 12.0 / 52.0,
        Period::Year | Period::Once => 1.0,
    }
}

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Lines, and what stands between full stops that end a word.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split_inclusive(". "))
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

fn says(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

fn sentence_of(sentence: &str, read: &mut BusinessValue) {
    let found: Vec<Found> = money(sentence)
        .into_iter()
        .chain(hours(sentence))
        .chain(incidents(sentence))
        .collect();
    if found.is_empty() {
        return;
    }
    let quote = quoted(sentence);
    if says(&RANGE, sentence) {
        read.unparsed
            .push(format!("“{quote}” gives a range, which is no one figure"));
        return;
    }
    if says(&DOUBT, sentence) {
        read.unparsed.push(format!(
            "“{quote}” states a hope, a condition or a denial, and no fact"
        ));
        return;
    }
    let basis = if says(&LINK, sentence) {
        FigureBasis::Linked
    } else if says(&MEASURED, sentence) {
        FigureBasis::Measured
    } else {
        FigureBasis::Claimed
    };
    for figure in found {
        match figure {
            Ok(value) => read.figures.push(Figure {
                amount: value.amount,
                unit: value.unit,
                period: value.period,
                basis,
                quote: quote.clone(),
                confidence_bp: match basis {
                    FigureBasis::Linked => 9_000,
                    FigureBasis::Measured => 8_000,
                    FigureBasis::Claimed => 5_000,
                },
            }),
            Err(reason) => read.unparsed.push(format!("“{quote}” {reason}")),
        }
    }
}

struct Value {
    amount: String,
    unit: String,
    period: Period,
}

type Found = Result<Value, &'static str>;

fn money(sentence: &str) -> Vec<Found> {
    let Some(pattern) = MONEY.as_ref() else {
        return vec![];
    };
    pattern
        .captures_iter(sentence)
        .map(|found| {
            let text = |names: &[&str]| {
                names
                    .iter()
                    .find_map(|name| found.name(name))
                    .map(|it| it.as_str().to_lowercase())
            };
            if !says(&WORTH, sentence) {
                return Err("names money, but not whether it was saved, earned or spent");
            }
            let unit = match text(&["sign", "code", "code3"]).as_deref() {
                Some("€" | "eur" | "euro" | "euros") => "EUR",
                Some("£" | "gbp" | "pound" | "pounds") => "GBP",
                Some("chf") => "CHF",
                _ => "USD",
            };
            let scale = match text(&["scale", "scale2", "scale3"]).as_deref() {
                Some("k" | "thousand") => 3,
                Some("m" | "mn" | "million") => 6,
                _ => 0,
            };
            let number = text(&["number", "number2", "number3"]).unwrap_or_default();
            Ok(Value {
                amount: decimal(&number, scale).ok_or("has a number that is too long")?,
                unit: unit.to_owned(),
                period: period(&found)?,
            })
        })
        .collect()
}

fn hours(sentence: &str) -> Vec<Found> {
    let Some(pattern) = HOURS.as_ref() else {
        return vec![];
    };
    if !says(&SAVES, sentence) {
        return vec![];
    }
    pattern
        .captures_iter(sentence)
        .map(|found| {
            let unit = found
                .name("unit")
                .map_or("", |it| it.as_str())
                .to_lowercase();
            if unit.starts_with('d') {
                return Err("counts days, which may be of eight hours or of twenty-four");
            }
            let number = found.name("number").map_or("", |it| it.as_str());
            let amount = decimal(number, 0).ok_or("has a number that is too long")?;
            let amount = if unit.starts_with('m') {
                let minutes: f64 = amount
                    .parse()
                    .map_err(|_| "has a number that is too long")?;
                plain(minutes / 60.0)
            } else {
                amount
            };
            Ok(Value {
                amount,
                unit: "hours".to_owned(),
                period: period(&found)?,
            })
        })
        .collect()
}

fn incidents(sentence: &str) -> Vec<Found> {
    let Some(pattern) = INCIDENTS.as_ref() else {
        return vec![];
    };
    pattern
        .captures_iter(sentence)
        .map(|found| {
            let number = found.name("number").or_else(|| found.name("number2"));
            Ok(Value {
                amount: decimal(number.map_or("", |it| it.as_str()), 0)
                    .ok_or("has a number that is too long")?,
                unit: "incidents".to_owned(),
                period: period(&found)?,
            })
        })
        .collect()
}

fn period(found: &regex::Captures<'_>) -> Result<Period, &'static str> {
    let word = found.name("period").or_else(|| found.name("adverb"));
    Ok(
        match word.map(|word| word.as_str().to_lowercase()).as_deref() {
            None => Period::Once,
            Some("day" | "daily") => Period::Day,
            Some("week" | "wk" | "weekly") => Period::Week,
            Some("sprint") => Period::Sprint,
            Some("month" | "mo" | "monthly") => Period::Month,
            Some("quarter") => return Err("counts by the quarter, which is not read"),
            Some(_) => Period::Year,
        },
    )
}

/// A number as it is written, without separators, moved by `scale` powers of ten.
fn decimal(number: &str, scale: usize) -> Option<String> {
    let digits = number.replace(',', "");
    if digits.len() > 15 {
        return None;
    }
    let value: f64 = digits.parse().ok()?;
    Some(plain(value * 10_f64.powi(i32::try_from(scale).ok()?)))
}

/// At most two places, none where they are zero.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn quoted(sentence: &str) -> String {
    let mut quote: String = sentence.chars().take(QUOTE).collect();
    if quote.len() < sentence.len() {
        quote.push('…');
    }
    super::findings::neutral(&quote, QUOTE + 1)
}
