//! A text as the row of sentences over which the sentiment moves.

use super::words::round4;
use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// Most sentences that are told apart; the rest of a longer text belongs to the last one.
const MOST: usize = 64;

/// Bytes `start..end` of the analysed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// Sentences with at least one letter or digit, by the sentence boundaries of Unicode (UAX 29) and by line ends.
pub fn sentences(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (start, sentence) in text.split_sentence_bound_indices() {
        let trimmed = sentence.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + (sentence.len() - sentence.trim_start().len());
        let end = start + trimmed.len();
        let wordless = !trimmed.chars().any(char::is_alphanumeric);
        match spans.last_mut() {
            // An emoji or a row of marks belongs to the sentence before it.
            Some(last) if wordless || is_cut_short(&text[last.start..last.end]) => last.end = end,
            _ => spans.push(Span { start, end }),
        }
    }
    if spans.len() > MOST {
        let end = spans[spans.len() - 1].end;
        spans.truncate(MOST);
        spans[MOST - 1].end = end;
    }
    spans
}

/// True where a sentence ends in an abbreviation, so that what follows continues it.
fn is_cut_short(sentence: &str) -> bool {
    const ABBREVIATIONS: [&str; 7] = ["e.g.", "i.e.", "vs.", "mr.", "mrs.", "ms.", "dr."];
    let word = sentence
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or(sentence);
    ABBREVIATIONS
        .iter()
        .any(|short| word.eq_ignore_ascii_case(short))
}

/// Mean of the values of an iterator; nought for none.
pub fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    if count == 0 {
        return 0.0;
    }
    round4(values.sum::<f64>() / count as f64)
}
