//! The word list, read once.

use super::{
    Emotion, Hits,
    inflect::{Kind, forms},
};
use crate::text::words::WordMap;
use std::sync::LazyLock;

/// Longest word that is looked up, in bytes.
pub const LONGEST: usize = 32;

/// Columns: emotion, headword, kind, weight; `#` begins a comment.
const LIST: &str = include_str!("../../../data/emotion_lexicon.tsv");

static WORDS: LazyLock<WordMap<Hits>> = LazyLock::new(|| build(LIST));

/// Weights of a lower-case word, by emotion.
pub fn lookup(word: &[u8]) -> Option<&'static Hits> {
    WORDS.get(word)
}

fn build(list: &str) -> WordMap<Hits> {
    let mut words = WordMap::default();
    for (emotion, head, kind, weight) in list.lines().filter_map(entry) {
        for form in forms(head, kind) {
            // The list lives as long as the process, so its few generated forms may too.
            let form: &'static [u8] = Box::leak(form.into_bytes().into_boxed_slice());
            let hits: &mut Hits = words.entry(form).or_default();
            let slot = &mut hits[emotion as usize];
            *slot = slot.max(weight);
        }
    }
    words
}

fn entry(line: &str) -> Option<(Emotion, &str, Kind, f64)> {
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
