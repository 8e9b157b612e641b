//! What the words around a figure make of it: whether it is a fact, and whether it was won, spent, or only a length of time.

use super::super::FigureBasis;
use super::mentions::{Kind, Mention};
use regex::Regex;
use std::sync::LazyLock;

type Pattern = LazyLock<Option<Regex>>;

/// Words without which a duration is only a duration.
static SAVES: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:sav(?:e|es|ed|ing|ings)|reduc(?:e|es|ed|ing)|cut(?:s|ting)?|free(?:s|d)?\s+up|fewer|less manual|eliminat\w+|no longer)\b").ok()
});
/// Words that say that money was won.
static WORTH: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:sav(?:e|es|ed|ing|ings)|reduc\w+|cut(?:s|ting)?|earn\w*|revenue|worth|gain\w*|generat\w+\s+(?:\w+\s+){0,2}?(?:revenue|income|sales)|recover\w*|lower\w*|cheaper|(?:business )?value(?: of|:)|valued at)\b|\bvalue:|\b(?:avoid|generat|prevent)(?:s|ed|es)?\s+(?:about\s+)?(?:[$€£\d]|(?:USD|EUR|GBP|CHF)\b)").ok()
});
/// Words that make a figure no statement of fact.
static DOUBT: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:can|could|might|may|maybe|perhaps|would|if|hop(?:e|es|ed|ing)|expect\w*|estimat\w+|target\w*|goals?|up to|potential\w*|should|aims?|plans? to|planned|project(?:ed|ions?)|forecast\w*|assum\w+|theoretical\w*|not|never|without|neither|nor|cannot|\w+n['’]t|no (?:cost|money|time|savings?|revenue|gain)|todo|tbd)\b|\?\s*$").ok()
});
/// A range, or the two ends of a change.
static RANGE: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\d\s?(?:k|m)?\s?(?:-|–|—|\.\.|to\b)\s?[$€£]?\s?\d|\bbetween\s+\S+(?:\s\S+){0,2}?\s+and\s+[$€£]?\d|\bfrom\s+[$€£]?\d\S*(?:\s\S+){0,2}?\s+to\s+[$€£]?\d").ok()
});
/// Money that went away.
static LOSS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:lost|loses?|losing|loss(?:es)?)\b|\b(?:increas|rais|add)(?:e|es|ed|s|ing)\s+(?:\w+\s+){0,2}?(?:costs?|bills?|spend\w*|prices?|budget)\b").ok()
});
static MEASURED: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:measured|benchmark(?:s|ed)?|before and after|according to (?:the |our )?(?:dashboard|billing|invoices?|metrics)|billing shows|metrics show|dashboard shows|a/b test)\b").ok()
});
static LINK: Pattern = LazyLock::new(|| Regex::new(r"https?://[^\s<>)\]]+").ok());
/// A period anywhere in a sentence.
static PERIODIC: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:daily|weekly|fortnightly|monthly|quarterly|yearly|annual(?:ly)?|(?:a|per|each|every|this|last|next)\s+(?:\w+\s+)?(?:day|week|sprint|month|quarter|year))\b").ok()
});
/// Words directly before a figure that make it a bound, an end or a distance.
static BEFORE: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:to|from|between|(?:less|fewer|rather) than|under|below|within|in|after|every|each|for|until|since|last|past|takes?|took|taking|lasts?|at|another|by)\s+(?:the\s+|a\s+)?(?:about\s+|around\s+|roughly\s+|only\s+|just\s+|~\s?)?|[-−–.,/#\d]|\d:)$").ok()
});
/// `by` is a bound of nothing after these: the figure is the difference.
static LESS_BY: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:sav|reduc|cut|lower|decreas|shrink|shrunk|drop)\w*\s+(?:\S+\s+){0,6}?by\s+(?:about\s+|around\s+|roughly\s+|~\s?)?$").ok()
});
static SPENT: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:costs?|costing|prices?|priced|fees?|charges?|budget|pay(?:s|ing)?|paid|spen[dt]\w*|invest\w*)\s+(?:us\s+|you\s+|them\s+|of\s+|is\s+|was\s+|only\s+|about\s+|around\s+|~\s?)*$").ok()
});
/// Of what the hours are: savings, and not a timeout.
static HOURS_OF: Pattern =
    LazyLock::new(|| Regex::new(r"(?i)\bof\s+(?:about\s+|around\s+)?$").ok());
static SAVINGS_OF: Pattern = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:savings?|reductions?|average|total|cuts?)\s+of\s+(?:about\s+|around\s+)?$",
    )
    .ok()
});
/// What follows a figure that is a part of a product.
static TIMES: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:(?:per|every)\s+\w|/\s*\w|each\b|(?:for|by|across)\s+(?:each|every|all|\d)|(?:x|×|times)\s*\d|(?:a|an)\s+(?:hour|minute|second|person|head|seat|user|customer|developer|engineer|team|build|run|deploy\w*|release|request|call|ticket)\b)").ok()
});
static ABOUT: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\b(?:about|around|roughly|approximately|approx\.?|almost|nearly|over|(?:more|greater) than|at least|some)\s+|~\s?)$").ok()
});

/// Why no figure of a sentence is read; none where they are. Addresses are no words of it.
pub fn refusal(sentence: &str) -> Option<&'static str> {
    let links = LINK.as_ref()?;
    let sentence = &links.replace_all(sentence, " ");
    if says(&RANGE, sentence) {
        Some("gives a range or two ends of a change, which is no one figure")
    } else if says(&DOUBT, sentence) {
        Some("states a hope, a condition, a question or a denial, and no fact")
    } else if says(&LOSS, sentence) {
        Some("speaks of a loss or of a greater cost")
    } else {
        None
    }
}

/// What stands behind the figures of a sentence.
pub fn basis(sentence: &str) -> FigureBasis {
    if says(&LINK, sentence) {
        FigureBasis::Linked
    } else if says(&MEASURED, sentence) {
        FigureBasis::Measured
    } else {
        FigureBasis::Claimed
    }
}

/// What is said of a whole sentence, looked for once.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    saves: bool,
    worth: bool,
    periodic: bool,
}

impl Context {
    /// Where a person declared a value, the figure is the value, and needs no word that says so.
    pub fn of(sentence: &str, declared: bool) -> Self {
        Self {
            saves: declared || says(&SAVES, sentence),
            worth: declared || says(&WORTH, sentence),
            periodic: says(&PERIODIC, sentence),
        }
    }

    /// Whether the sentence speaks of such figures at all.
    pub fn concerns(self, kind: Kind) -> bool {
        kind != Kind::Time || self.saves
    }

    /// Why a figure does not say what was won; none where it does.
    pub fn objection(self, sentence: &str, mention: &Mention) -> Option<&'static str> {
        /// Words around a figure that are looked at, bytes.
        const NEAR: usize = 120;
        let start = mention.place.start;
        let before = &sentence[sentence.floor_char_boundary(start.saturating_sub(NEAR))..start];
        let after = &sentence[mention.place.end..];
        let after = &after[..after.floor_char_boundary(NEAR)];
        let period = matches!(&mention.read, Ok((_, _, Some(_))));
        let of_what = says(&HOURS_OF, before) && !says(&SAVINGS_OF, before);
        if mention.kind == Kind::Money && !self.worth {
            Some("names money, but not whether it was saved, earned or spent")
        } else if says(&SPENT, before) {
            Some("names what was spent")
        } else if says(&BEFORE, before) && !says(&LESS_BY, before) {
            Some("names a bound, an end or a distance, and not what was won")
        } else if mention.kind == Kind::Time && of_what {
            Some("names the length of something, and not what was saved")
        } else if says(&TIMES, after) {
            Some("counts for each of something, and not how many there are")
        } else if !period && self.periodic {
            Some("names a period, but not next to the figure")
        } else {
            None
        }
    }
}

/// Whether the figure is rounded or a lower bound.
pub fn is_about(sentence: &str, mention: &Mention) -> bool {
    let start = mention.place.start;
    let before = &sentence[sentence.floor_char_boundary(start.saturating_sub(40))..start];
    says(&ABOUT, before)
}

fn says(pattern: &Pattern, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            &SAVES,
            &WORTH,
            &DOUBT,
            &RANGE,
            &LOSS,
            &MEASURED,
            &LINK,
            &PERIODIC,
            &BEFORE,
            &LESS_BY,
            &SPENT,
            &HOURS_OF,
            &SAVINGS_OF,
            &TIMES,
            &ABOUT,
        ] {
            assert!(pattern.is_some());
        }
    }
}
