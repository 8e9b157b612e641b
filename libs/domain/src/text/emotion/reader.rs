//! One pass over the words of a sentence.

use super::{
    Emotion, Hits,
    lexicon::{LONGEST, lookup},
};

/// Words over which a negation or an intensifier still reaches.
const REACH: u8 = 3;
/// Weight of a word that is negated: `not happy` speaks of joy only to deny it, and hints at its opposite.
const DENIED: f64 = 0.0;
/// Part of a denied word's weight that goes to the opposite emotion.
const OPPOSED: f64 = 0.5;

const NEGATIONS: [&str; 19] = [
    "not", "no", "never", "none", "nothing", "neither", "nor", "without", "cannot", "hardly",
    "barely", "dont", "doesnt", "didnt", "isnt", "wasnt", "cant", "wont", "nobody",
];
const INTENSIFIERS: [&str; 18] = [
    "very", "really", "so", "extremely", "incredibly", "absolutely", "totally", "completely",
    "utterly", "deeply", "truly", "such", "insanely", "too", "genuinely", "seriously", "most",
    "beyond",
];
const DAMPENERS: [&str; 10] = [
    "slightly", "somewhat", "little", "bit", "kinda", "sorta", "fairly", "rather", "mildly",
    "almost",
];

/// What the words before the present one do to it.
#[derive(Default)]
struct Context {
    negated_for: u8,
    scaled_for: u8,
    scale: f64,
}

impl Context {
    /// True where the word only changes those after it.
    fn absorb(&mut self, word: &[u8]) -> bool {
        let is_one_of = |list: &[&str]| list.iter().any(|one| one.as_bytes() == word);
        self.negated_for = self.negated_for.saturating_sub(1);
        self.scaled_for = self.scaled_for.saturating_sub(1);
        if word.ends_with(b"n't") || is_one_of(&NEGATIONS) {
            self.negated_for = REACH + 1;
        } else if is_one_of(&INTENSIFIERS) {
            (self.scaled_for, self.scale) = (REACH, 1.4);
        } else if is_one_of(&DAMPENERS) {
            (self.scaled_for, self.scale) = (REACH, 0.6);
        } else {
            return false;
        }
        true
    }

    fn scale(&self) -> f64 {
        if self.scaled_for > 0 { self.scale } else { 1.0 }
    }
}

/// Sums of the weights of the words of a sentence, by emotion.
pub fn read(sentence: &str) -> Hits {
    let mut hits = Hits::default();
    let mut context = Context::default();
    each_word(sentence, |_, word, clause_ends| {
        if !context.absorb(word)
            && let Some(weights) = lookup(word)
        {
            add(&mut hits, weights, &context);
        }
        if clause_ends {
            context = Context::default();
        }
    });
    hits
}

fn add(hits: &mut Hits, weights: &Hits, context: &Context) {
    let scale = context.scale();
    for emotion in Emotion::ALL {
        let weight = weights[emotion as usize] * scale;
        if weight == 0.0 {
            continue;
        }
        if context.negated_for > 0 {
            hits[emotion as usize] += weight * DENIED;
            if let Some(opposite) = opposite(emotion) {
                hits[opposite as usize] += weight * OPPOSED;
            }
        } else {
            hits[emotion as usize] += weight;
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

pub fn emotional_words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    each_word(text, |written, word, _| {
        if lookup(word).is_some() {
            found.push(written);
        }
    });
    found
}

/// Calls with each word as written, in lower case, and whether a clause ends behind it.
fn each_word<'text>(text: &'text str, mut visit: impl FnMut(&'text str, &[u8], bool)) {
    let mut lower = [0_u8; LONGEST];
    for written in text.split_whitespace() {
        let word = written.trim_matches(|letter: char| !letter.is_alphanumeric());
        let clause_ends = written.ends_with([',', ';', ':', '.', '!', '?', '…', '—']);
        let length = lower_ascii(word, &mut lower);
        visit(word, &lower[..length], clause_ends);
    }
}

/// The word in ASCII lower case with a straight apostrophe; nothing where it is too long to be in the list.
fn lower_ascii(word: &str, lower: &mut [u8; LONGEST]) -> usize {
    let mut length = 0;
    for letter in word.chars() {
        let letter = if letter == '’' { '\'' } else { letter };
        if !letter.is_ascii() || length == LONGEST {
            return 0;
        }
        lower[length] = (letter as u8).to_ascii_lowercase();
        length += 1;
    }
    length
}
