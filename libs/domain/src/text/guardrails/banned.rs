//! Phrases that a persona never uses.

use super::{
    Finding, Rule, Severity, Span,
    fold::{Letter, fold},
};

/// One finding for each place where a phrase stands as whole words.
pub fn find(text: &str, phrases: &[String]) -> Vec<Finding> {
    if phrases.is_empty() {
        return Vec::new();
    }
    let letters = fold(text);
    phrases
        .iter()
        .flat_map(|phrase| places(&letters, phrase))
        .collect()
}

fn places(letters: &[Letter], phrase: &str) -> Vec<Finding> {
    let folded: Vec<char> = fold(phrase).iter().map(|letter| letter.letter).collect();
    let wanted = trimmed(&folded);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut start = 0;
    while start + wanted.len() <= letters.len() {
        let end = start + wanted.len();
        let equal = letters[start..end]
            .iter()
            .zip(wanted)
            .all(|(one, other)| one.letter == *other);
        if equal && parted(letters, start) && parted(letters, end) {
            findings.push(finding(
                phrase,
                Span {
                    start: letters[start].span.start,
                    end: letters[end - 1].span.end,
                },
            ));
            start = end;
        } else {
            start += 1;
        }
    }
    findings
}

fn trimmed(folded: &[char]) -> &[char] {
    let is_word = |letter: &char| *letter != ' ';
    let start = folded.iter().position(is_word).unwrap_or(folded.len());
    let end = folded
        .iter()
        .rposition(is_word)
        .map_or(start, |last| last + 1);
    &folded[start..end]
}

/// True where no word goes on across `place`.
fn parted(letters: &[Letter], place: usize) -> bool {
    let Some((before, after)) = place
        .checked_sub(1)
        .and_then(|before| Some((letters.get(before)?, letters.get(place)?)))
    else {
        return true;
    };
    let goes_on = |letter: char| letter.is_alphanumeric() && !without_spaces(letter);
    !(goes_on(before.letter) && goes_on(after.letter))
}

/// Letters of scripts that set no spaces between words: there a phrase may begin anywhere.
fn without_spaces(letter: char) -> bool {
    matches!(u32::from(letter), 0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x31f0..=0x31ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

fn finding(phrase: &str, span: Span) -> Finding {
    Finding {
        rule: Rule::BannedPhrase,
        severity: Severity::Block,
        message: format!("the text uses the banned phrase “{phrase}”"),
        span,
    }
}
