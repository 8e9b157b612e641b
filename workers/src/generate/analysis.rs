//! What the text says of itself: score, emotions and their movement. Never the same text with two answers.

use super::draft::Draft;
use domain::text::{
    self, LANGUAGE_UNSUPPORTED, TextAnalysis, guardrails::Finding, trajectory::EmotionReport,
};
use serde_json::{Value, json};
use std::time::Instant;

/// The analysis of one text, with what the guardrails found and let pass.
#[derive(Debug, Clone)]
pub struct Analysis {
    text: TextAnalysis,
    findings: Vec<Finding>,
    milliseconds: u64,
}

/// Analyses a draft in the language of a BCP 47 tag. What exists for English alone is absent for other languages.
#[must_use]
pub fn analyse(language: &str, draft: &Draft, findings: Vec<Finding>) -> Analysis {
    let begun = Instant::now();
    let text = text::analyse(language, draft.hook(), draft.body());
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Analysis {
        text,
        findings,
        milliseconds,
    }
}

impl Analysis {
    /// `complete`, or why parts are absent.
    #[must_use]
    pub fn state(&self) -> &'static str {
        if self.text.emotion.is_ok() {
            "complete"
        } else {
            LANGUAGE_UNSUPPORTED
        }
    }

    /// 0 to 10000; absent where the language has no score.
    #[must_use]
    pub fn score_bp(&self) -> Option<i32> {
        self.text.score.total_bp.map(i32::from)
    }

    /// Every factor with its evidence.
    #[must_use]
    pub fn score_json(&self) -> Value {
        json!(self.text.score)
    }

    #[must_use]
    pub fn emotions(&self) -> Option<&EmotionReport> {
        self.text.emotion.as_ref().ok()
    }

    /// The strongest emotion; absent where no word speaks of any.
    #[must_use]
    pub fn dominant(&self) -> Option<String> {
        self.emotions()?
            .dominant
            .map(|emotion| emotion.as_str().to_owned())
    }

    #[must_use]
    pub fn guardrails_json(&self) -> Value {
        json!(self.findings)
    }

    /// The columns of `emotion_trajectories`. The time is the only thing in a post's rows that a repeat may not repeat.
    #[must_use]
    pub fn trajectory_json(&self) -> Option<Value> {
        let mut columns = self.emotions()?.columns();
        columns["processing_time_ms"] = json!(self.milliseconds);
        Some(columns)
    }
}
