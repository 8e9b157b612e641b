//! The word list, read once.

use super::{
    Emotion, Hits,
    inflect::{Kind, forms},
};
use crate::text::words::WordMap;
use std::sync::LazyLock;

/// Longest word or phrase that is looked up, in bytes.
pub const LONGEST: usize = 40;

/// Columns: emotion, headword, kind, weight; `#` begins a comment.
const LIST: &str = include_str!("../../../data/emotion_lexicon.tsv");

static ENTRIES: LazyLock<WordMap<Entry>> = LazyLock::new(|| build(LIST));

/// What the list says of one word or phrase.
#[derive(Debug, Default)]
pub struct Entry {
    /// Weights by emotion; all nought for a word that only ends a phrase.
    pub hits: Hits,
    /// The word ends a phrase of two, so the word before it matters.
    pub ends_phrase: bool,
}

impl Entry {
    pub fn is_emotional(&self) -> bool {
        self.hits.iter().any(|weight| *weight > 0.0)
    }
}

/// The entry of a lower-case word, or of two with a space between them.
pub fn lookup(words: &[u8]) -> Option<&'static Entry> {
    ENTRIES.get(words)
}

fn build(list: &'static str) -> WordMap<Entry> {
    let mut entries = WordMap::<Entry>::default();
    for (emotion, head, kind, weight) in list.lines().filter_map(parse) {
        for form in forms(head, kind) {
            // The list lives as long as the process, so its few generated forms may too.
            let form: &'static str = form.leak();
            let slot = &mut entries.entry(form.as_bytes()).or_default().hits[emotion as usize];
            *slot = slot.max(weight);
            if let Some((_, last)) = form.split_once(' ') {
                entries.entry(last.as_bytes()).or_default().ends_phrase = true;
            }
        }
    }
    entries
}

fn parse(line: &'static str) -> Option<(Emotion, &'static str, Kind, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let mut columns = line.split('\t');
    let emotion = Emotion::of_name(columns.next()?)?;
    let head = columns.next()?;
    let kind = Kind::of_letter(columns.next()?)?;
    let weight = columns.next()?.trim().parse().ok()?;
    Some((emotion, head, kind, weight))
}

#[cfg(test)]
mod tests;
