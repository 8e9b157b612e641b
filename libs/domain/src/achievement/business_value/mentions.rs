//! Where a sentence mentions money, time or incidents: their shapes, without a judgement of what they mean.

use super::super::Period;
use super::number::{decimal, plain};
use regex::{Captures, Regex};
use std::{ops::Range, sync::LazyLock};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Money,
    Time,
    Incidents,
}

/// One number with its unit, as it stands.
#[derive(Debug)]
pub struct Mention {
    pub kind: Kind,
    /// Bytes of the sentence.
    pub place: Range<usize>,
    /// Amount, unit and period, or why they cannot be told.
    pub read: Result<(String, String, Option<Period>), &'static str>,
}

const NUMBER: &str = r"\d(?:[\d.,]*\d)?";
const SCALE: &str = "k|mn|mio|m|bn|b|thousand|million|billion|mil|grand|trillion|crore|lakh";
const PERIOD: &str = r"(?:\s*(?:/\s*|\b(?:a|an|per|each|every)\s+)(?:working\s+|business\s+)?(?P<period>day|workday|week|sprint|month|quarter|year|yr|wk|mo)\b|\s+(?P<adverb>daily|weekly|monthly|yearly|annually|p\.a\.))?";

static MONEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let sign = r"(?:\b(?:US|CA|AU|NZ|HK|SG|MX|C|A|S|R))?\$|€|£";
    let code = "USD|EUR|GBP|CHF";
    let others = r"(?:\s?(?P<other>CAD|AUD|NZD|HKD|SGD|MXN)\b)?";
    Regex::new(&format!(
        r"(?i)(?:(?P<unit1>{sign})\s?(?P<number1>{NUMBER})(?:\s?(?P<scale1>{SCALE}))?\b{others}|\b(?P<unit2>{code})\s?(?P<number2>{NUMBER})(?:\s?(?P<scale2>{SCALE}))?\b|\b(?P<number3>{NUMBER})(?:\s?(?P<scale3>{SCALE}))?\s?(?:(?P<unit3>{code}|euros?|dollars?|pounds?)\b|(?P<unit4>[€£])))(?:{PERIOD})"
    ))
    .ok()
});
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)\b(?P<number1>{NUMBER})\s?(?P<unit1>hours?|hrs?|h|minutes?|mins?|days?)\b{PERIOD}"
    ))
    .ok()
});
static INCIDENTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let noun = r"(?:[a-z]+\s+)?(?:incidents?|outages?)\b";
    Regex::new(&format!(
        r"(?i)(?:\b(?:avoid(?:s|ed)?|prevent(?:s|ed)?|eliminate[sd]?|saves?|saved)\s+(?:about\s+|around\s+|~)?(?P<number1>{NUMBER})\s+{noun}|\b(?P<number2>{NUMBER})\s+(?:fewer|less)\s+{noun}|\b(?P<number3>{NUMBER})\s+{noun}\s+(?:were\s+|are\s+)?(?:avoided|prevented|eliminated)\b){PERIOD}"
    ))
    .ok()
});

/// All mentions of a sentence, at most `most` of a kind, in the order in which they stand.
pub fn mentions(sentence: &str, most: usize) -> Vec<Mention> {
    let mut found: Vec<Mention> = [
        (Kind::Money, &MONEY),
        (Kind::Time, &TIME),
        (Kind::Incidents, &INCIDENTS),
    ]
    .into_iter()
    .filter_map(|(kind, pattern)| Some((kind, pattern.as_ref()?)))
    .flat_map(|(kind, pattern)| {
        pattern
            .captures_iter(sentence)
            .take(most)
            .map(move |found| mention(kind, &found))
    })
    .collect();
    found.sort_by_key(|it| it.place.start);
    found
}

fn mention(kind: Kind, found: &Captures<'_>) -> Mention {
    Mention {
        kind,
        place: found.get(0).map_or(0..0, |it| it.range()),
        read: read(kind, found),
    }
}

fn read(
    kind: Kind,
    found: &Captures<'_>,
) -> Result<(String, String, Option<Period>), &'static str> {
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| found.name(name))
            .map(|it| it.as_str().to_lowercase())
            .unwrap_or_default()
    };
    let number = text(&["number1", "number2", "number3"]);
    let unit = text(&["unit1", "unit2", "unit3", "unit4"]);
    let (value, unit) = match kind {
        Kind::Money => {
            if found.name("other").is_some() {
                return Err("names a currency that is not read");
            }
            let scale = scale(&text(&["scale1", "scale2", "scale3"]))?;
            (decimal(&number, scale)?, currency(&unit)?)
        }
        Kind::Time if unit.starts_with('d') => {
            return Err("counts days, which may be of eight hours or of twenty-four");
        }
        // "The 3 hour build" says how long it is.
        Kind::Time if matches!(unit.as_str(), "hour" | "minute") && number != "1" => {
            return Err("names the length of something, and not what was saved");
        }
        Kind::Time if unit.starts_with('m') => (decimal(&number, 0)? / 60.0, "hours"),
        Kind::Time => (decimal(&number, 0)?, "hours"),
        Kind::Incidents => (decimal(&number, 0)?, "incidents"),
    };
    let period = period(&text(&["period", "adverb"]))?;
    Ok((plain(value)?, unit.to_owned(), period))
}

fn currency(unit: &str) -> Result<&'static str, &'static str> {
    match unit {
        "€" | "eur" | "euro" | "euros" => Ok("EUR"),
        "£" | "gbp" | "pound" | "pounds" => Ok("GBP"),
        "chf" => Ok("CHF"),
        "$" | "us$" | "usd" | "dollar" | "dollars" => Ok("USD"),
        _ => Err("names a currency that is not read"),
    }
}

fn scale(word: &str) -> Result<i32, &'static str> {
    match word {
        "" => Ok(0),
        "k" | "thousand" => Ok(3),
        "m" | "mn" | "mio" | "million" => Ok(6),
        "b" | "bn" | "billion" => Ok(9),
        _ => Err("has a word for a number that is not read"),
    }
}

fn period(word: &str) -> Result<Option<Period>, &'static str> {
    match word {
        "" => Ok(None),
        "day" | "workday" | "daily" => Ok(Some(Period::Day)),
        "week" | "wk" | "weekly" => Ok(Some(Period::Week)),
        "sprint" => Ok(Some(Period::Sprint)),
        "month" | "mo" | "monthly" => Ok(Some(Period::Month)),
        "year" | "yr" | "yearly" | "annually" | "p.a." => Ok(Some(Period::Year)),
        _ => Err("counts by the quarter, which is not read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert!(MONEY.is_some() && TIME.is_some() && INCIDENTS.is_some());
    }
}
