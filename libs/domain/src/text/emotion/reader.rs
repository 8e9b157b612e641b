//! One pass over the words of a sentence.

use super::{
    Emotion, Hits,
    lexicon::{Entry, LONGEST, lookup},
};

/// Words over which a negation or an intensifier still reaches.
const REACH: u8 = 3;
/// Part of a denied word's weight that goes to the opposite emotion: `not happy` speaks of joy only to deny it, and hints at
/// sadness.
const OPPOSED: f64 = 0.5;
const INTENSIFIED: f64 = 1.4;
const DAMPENED: f64 = 0.6;

const NEGATIONS: [&str; 19] = [
    "not", "no", "never", "none", "nothing", "neither", "nor", "without", "cannot", "hardly",
    "barely", "dont", "doesnt", "didnt", "isnt", "wasnt", "cant", "wont", "nobody",
];
const INTENSIFIERS: [&str; 18] = [
    "very",
    "really",
    "so",
    "extremely",
    "incredibly",
    "absolutely",
    "totally",
    "completely",
    "utterly",
    "deeply",
    "truly",
    "such",
    "insanely",
    "too",
    "genuinely",
    "seriously",
    "most",
    "beyond",
];
const DAMPENERS: [&str; 10] = [
    "slightly", "somewhat", "little", "bit", "kinda", "sorta", "fairly", "rather", "mildly",
    "almost",
];
/// After these words a new thought begins, over which no negation reaches.
const TURNS: [&str; 5] = ["but", "because", "although", "though", "until"];

/// What the words before the present one do to it.
#[derive(Debug, Default, Clone, Copy)]
struct Context {
    negated_for: u8,
    scaled_for: u8,
    scale: f64,
}

/// A word in ASCII lower case with straight apostrophes; empty where it is too long or not ASCII, so in no list.
#[derive(Clone, Copy)]
struct Lower {
    letters: [u8; LONGEST],
    length: usize,
}

/// One emotional word or phrase with the context it stands in.
struct Found<'text> {
    written: &'text str,
    entry: &'static Entry,
    context: Context,
}

/// Sums of the weights of the words of a sentence, by emotion.
pub fn read(sentence: &str) -> Hits {
    let mut hits = Hits::default();
    each_found(sentence, |found| {
        add(&mut hits, &found.entry.hits, found.context)
    });
    hits
}

/// Emotional words as they are written; of a phrase its last word.
pub fn emotional_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    each_found(text, |found| words.push(found.written));
    words
}

fn each_found<'text>(text: &'text str, mut visit: impl FnMut(Found<'text>)) {
    let mut context = Context::default();
    let (mut before, mut context_before) = (Lower::NONE, context);
    for token in text.split_whitespace() {
        let written = token.trim_matches(|letter: char| !letter.is_alphanumeric());
        let word = Lower::of(written);
        let entry = lookup(word.as_bytes());
        let phrase = entry
            .filter(|entry| entry.ends_phrase)
            .and_then(|_| lookup(before.joined(&word).as_bytes()));
        let here = context;
        context.pass(word.as_bytes());
        if let Some(entry) = phrase {
            visit(Found {
                written,
                entry,
                context: context_before,
            });
        } else if let Some(entry) = entry.filter(|entry| entry.is_emotional()) {
            visit(Found {
                written,
                entry,
                context: here,
            });
        }
        if token.ends_with([',', ';', ':', '.', '!', '?', '…', '—']) {
            context = Context::default();
        }
        (before, context_before) = (word, here);
    }
}

fn add(hits: &mut Hits, weights: &Hits, context: Context) {
    let scale = if context.scaled_for > 0 {
        context.scale
    } else {
        1.0
    };
    for emotion in Emotion::ALL {
        let weight = weights[emotion as usize] * scale;
        if context.negated_for == 0 {
            hits[emotion as usize] += weight;
        } else if let Some(opposite) = opposite(emotion) {
            hits[opposite as usize] += weight * OPPOSED;
        }
    }
}

/// What a denial hints at. Only where everyday English does so: `not angry` is not fear, though the wheel has them opposed.
fn opposite(emotion: Emotion) -> Option<Emotion> {
    match emotion {
        Emotion::Joy => Some(Emotion::Sadness),
        Emotion::Trust => Some(Emotion::Disgust),
        Emotion::Fear => Some(Emotion::Trust),
        _ => None,
    }
}

impl Context {
    /// What holds for the word after this one.
    fn pass(&mut self, word: &[u8]) {
        let is_one_of = |list: &[&str]| list.iter().any(|one| one.as_bytes() == word);
        self.negated_for = self.negated_for.saturating_sub(1);
        self.scaled_for = self.scaled_for.saturating_sub(1);
        if word.ends_with(b"n't") || is_one_of(&NEGATIONS) {
            self.negated_for = REACH;
        } else if is_one_of(&INTENSIFIERS) {
            (self.scaled_for, self.scale) = (REACH, INTENSIFIED);
        } else if is_one_of(&DAMPENERS) {
            (self.scaled_for, self.scale) = (REACH, DAMPENED);
        } else if is_one_of(&TURNS) {
            *self = Self::default();
        }
    }
}

impl Lower {
    const NONE: Self = Self {
        letters: [0; LONGEST],
        length: 0,
    };

    fn of(word: &str) -> Self {
        let mut lower = Self::NONE;
        for letter in word.chars() {
            let letter = if letter == '’' { '\'' } else { letter };
            if !letter.is_ascii() || lower.length == LONGEST {
                return Self::NONE;
            }
            lower.letters[lower.length] = (letter as u8).to_ascii_lowercase();
            lower.length += 1;
        }
        lower
    }

    fn as_bytes(&self) -> &[u8] {
        &self.letters[..self.length]
    }

    /// This word, a space and the next; empty where that is too long.
    fn joined(&self, next: &Self) -> Self {
        let length = self.length + 1 + next.length;
        if length > LONGEST {
            return Self::NONE;
        }
        let mut joined = *self;
        joined.letters[self.length] = b' ';
        joined.letters[self.length + 1..length].copy_from_slice(next.as_bytes());
        Self { length, ..joined }
    }
}

#[cfg(test)]
mod tests;
