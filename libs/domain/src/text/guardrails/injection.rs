//! Words that speak to the model instead of giving it something to write about.
//!
//! A list finds the plain cases, not the clever ones; the prompt's own frame around the input has to hold against those.

mod patterns;

use self::patterns::{PATTERNS, Pattern, SPEAKERS, TURN_MARKS};
use super::{
    Finding, Rule, Severity, Span,
    fold::{Letter, fold},
};

pub fn find(text: &str) -> Vec<Finding> {
    let letters = fold(text);
    let words = words(&letters);
    let mut findings: Vec<Finding> = PATTERNS
        .iter()
        .flat_map(|pattern| places(pattern, &words))
        .collect();
    findings.extend(turn_marks(text));
    findings.extend(speakers(text));
    for finding in &mut findings {
        let span = finding.span;
        finding.message = format!(
            "the input {}: “{}”",
            finding.message,
            quote(&text[span.start..span.end])
        );
    }
    findings
}

struct Word {
    word: String,
    span: Span,
}

fn words(letters: &[Letter]) -> Vec<Word> {
    letters
        .split(|letter| letter.letter == ' ')
        .filter_map(|word| {
            let (first, last) = (word.first()?, word.last()?);
            Some(Word {
                word: word.iter().map(|letter| letter.letter).collect(),
                span: Span {
                    start: first.span.start,
                    end: last.span.end,
                },
            })
        })
        .collect()
}

/// Every place where the groups follow each other, without overlap.
fn places(pattern: &Pattern, words: &[Word]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut start = 0;
    while start < words.len() {
        match end_of(pattern, words, start) {
            Some(end) => {
                let span = Span {
                    start: words[start].span.start,
                    end: words[end].span.end,
                };
                findings.push(finding(pattern.what, pattern.severity, span));
                start = end + 1;
            }
            None => start += 1,
        }
    }
    findings
}

/// Index of the last word of a match that begins at `start`.
fn end_of(pattern: &Pattern, words: &[Word], start: usize) -> Option<usize> {
    let (first, rest) = pattern.groups.split_first()?;
    if !first.contains(&words[start].word.as_str()) {
        return None;
    }
    let mut end = start;
    for group in rest {
        let reach = words[end + 1..].iter().take(pattern.gap + 1);
        end += 1 + reach
            .into_iter()
            .position(|word| group.contains(&word.word.as_str()))?;
    }
    Some(end)
}

fn turn_marks(text: &str) -> Vec<Finding> {
    // ASCII lower case keeps byte offsets.
    let lower = text.to_ascii_lowercase();
    let mut findings = Vec::new();
    for mark in TURN_MARKS {
        for (start, _) in lower.match_indices(mark) {
            let span = Span {
                start,
                end: start + mark.len(),
            };
            findings.push(finding(
                "holds a mark of a chat format",
                Severity::Block,
                span,
            ));
        }
    }
    findings
}

fn speakers(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let begin = start + (line.len() - line.trim_start().len());
        start += line.len();
        let Some((name, _)) = line.trim_start().split_once(':') else {
            continue;
        };
        let bare = name.trim_matches(|letter: char| !letter.is_alphanumeric());
        if SPEAKERS
            .iter()
            .any(|speaker| bare.eq_ignore_ascii_case(speaker))
        {
            let span = Span {
                start: begin,
                end: begin + name.len() + 1,
            };
            findings.push(finding(
                "begins another speaker's turn",
                Severity::Warn,
                span,
            ));
        }
    }
    findings
}

/// At most a line of the text.
fn quote(found: &str) -> String {
    found
        .chars()
        .filter(|letter| !letter.is_control())
        .take(80)
        .collect()
}

fn finding(what: &str, severity: Severity, span: Span) -> Finding {
    Finding {
        rule: Rule::PromptInjection,
        severity,
        message: what.to_owned(),
        span,
    }
}
