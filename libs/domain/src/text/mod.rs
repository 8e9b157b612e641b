//! Analysis of text: sentiment, emotions and their movement, the score, the contract over emotions, and the guardrails.
//!
//! The word lists are English. For any other language the parts that need them are absent and say why; a number that was
//! computed from the rest and scaled up would look like a score and mean something else.

pub mod contract;
pub mod emotion;
pub mod guardrails;
pub mod language;
pub mod score;
mod segment;
pub mod sentiment;
pub mod trajectory;
mod words;

use self::{language::is_english, score::ScoreReport, trajectory::EmotionReport};
use serde::{Deserialize, Serialize};

/// Reason shared by everything that is absent because of the language.
pub const LANGUAGE_UNSUPPORTED: &str = "LanguageUnsupported";

/// What the analysis says of one post.
#[derive(Debug, Clone, PartialEq)]
pub struct TextAnalysis {
    pub emotion: Result<EmotionReport, Unsupported>,
    pub score: ScoreReport,
}

/// No emotion analysis exists for this language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("text in {language:?} is not analysed: the word lists are English")]
pub struct Unsupported {
    /// The language tag as it was given.
    pub language: String,
}

impl Unsupported {
    /// The reason word of conditions and reports.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        LANGUAGE_UNSUPPORTED
    }
}

/// Analyses a post made of `hook` and `body` in the language of a BCP 47 tag.
#[must_use]
pub fn analyse(language: &str, hook: &str, body: &str) -> TextAnalysis {
    TextAnalysis {
        emotion: emotions(language, hook, body),
        score: score::score(language, hook, body),
    }
}

fn emotions(language: &str, hook: &str, body: &str) -> Result<EmotionReport, Unsupported> {
    if is_english(language) {
        Ok(EmotionReport::of(&join(hook, body)))
    } else {
        Err(Unsupported {
            language: language.to_owned(),
        })
    }
}

/// The post as one text; byte offsets in reports count in it.
#[must_use]
pub fn join(hook: &str, body: &str) -> String {
    format!("{hook}\n\n{body}")
}

#[cfg(test)]
mod tests;
