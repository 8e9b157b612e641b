//! Eight emotions by word list, with negation and intensifiers.
//!
//! The list is `data/emotion_lexicon.tsv`, written for this project; it says there where it comes from.

mod inflect;
mod lexicon;
mod reader;

use super::words::round4;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the eight emotions of Plutchik's wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Emotion {
    Joy,
    Anger,
    Fear,
    Sadness,
    Surprise,
    Disgust,
    Anticipation,
    Trust,
}

/// Strength of each emotion in one piece of text, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Emotions {
    pub joy: f64,
    pub anger: f64,
    pub fear: f64,
    pub sadness: f64,
    pub surprise: f64,
    pub disgust: f64,
    pub anticipation: f64,
    pub trust: f64,
}

/// Sums of weighted hits by [`Emotion`] as index.
type Hits = [f64; Emotion::ALL.len()];

impl Emotion {
    pub const ALL: [Self; 8] = [
        Self::Joy,
        Self::Anger,
        Self::Fear,
        Self::Sadness,
        Self::Surprise,
        Self::Disgust,
        Self::Anticipation,
        Self::Trust,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joy => "joy",
            Self::Anger => "anger",
            Self::Fear => "fear",
            Self::Sadness => "sadness",
            Self::Surprise => "surprise",
            Self::Disgust => "disgust",
            Self::Anticipation => "anticipation",
            Self::Trust => "trust",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Emotions {
    /// Reads one sentence. The strength of an emotion is `1 − e^(−s)` over the sum `s` of its words' weights: one plain
    /// word of weight 1 gives 0.63, and no number of words gives more than 1.
    #[must_use]
    pub fn of(sentence: &str) -> Self {
        let hits = reader::read(sentence);
        Self::each(|emotion| round4(1.0 - (-hits[emotion as usize]).exp()))
    }

    #[must_use]
    pub fn each(mut strength: impl FnMut(Emotion) -> f64) -> Self {
        Self {
            joy: strength(Emotion::Joy),
            anger: strength(Emotion::Anger),
            fear: strength(Emotion::Fear),
            sadness: strength(Emotion::Sadness),
            surprise: strength(Emotion::Surprise),
            disgust: strength(Emotion::Disgust),
            anticipation: strength(Emotion::Anticipation),
            trust: strength(Emotion::Trust),
        }
    }

    #[must_use]
    pub fn get(&self, emotion: Emotion) -> f64 {
        match emotion {
            Emotion::Joy => self.joy,
            Emotion::Anger => self.anger,
            Emotion::Fear => self.fear,
            Emotion::Sadness => self.sadness,
            Emotion::Surprise => self.surprise,
            Emotion::Disgust => self.disgust,
            Emotion::Anticipation => self.anticipation,
            Emotion::Trust => self.trust,
        }
    }

    /// The strongest emotion, of equals the first of [`Emotion::ALL`]; none where all are nought.
    #[must_use]
    pub fn dominant(&self) -> Option<Emotion> {
        let mut strongest = None;
        let mut height = 0.0;
        for emotion in Emotion::ALL {
            let strength = self.get(emotion);
            if strength > height {
                (strongest, height) = (Some(emotion), strength);
            }
        }
        strongest
    }
}

/// Words of a text that speak of an emotion, in their order, as they are written.
pub fn emotional_words(text: &str) -> Vec<&str> {
    reader::emotional_words(text)
}
