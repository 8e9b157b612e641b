//! The seven factors beside the hook.

use super::{Measure, cues, post::Post};
use crate::text::emotion::emotional_words;

/// Words a sentence that read easily.
const EASY: (f64, f64) = (5.0, 15.0);
/// Loss of readability by each word a sentence more, down to [`HARD`].
const LOSS_BY_WORD: f64 = 0.05;
const HARD: f64 = 0.3;
/// Words of a post of good length.
const GOOD_LENGTH: (f64, f64) = (50.0, 125.0);

/// One emotional word in ten is the full value.
pub fn emotion_intensity(post: &Post) -> Measure {
    let hits = emotional_words(&post.text);
    let full = f64::max(1.0, post.words() as f64 * 0.1);
    Measure {
        value: hits.len() as f64 / full,
        evidence: hits.into_iter().map(|word| format!("“{word}”")).collect(),
    }
}

pub fn curiosity_gaps(post: &Post) -> Measure {
    counted(post.phrases(cues::CURIOSITY), 3.0)
}

/// Full for 5 to 15 words a sentence; below in proportion, above falling to 0.3.
pub fn readability(post: &Post) -> Measure {
    if post.sentences == 0 {
        return Measure {
            value: 0.0,
            evidence: Vec::new(),
        };
    }
    let words = post.words() as f64 / post.sentences as f64;
    let value = if words < EASY.0 {
        words / EASY.0
    } else {
        f64::max(HARD, 1.0 - (words - EASY.1).max(0.0) * LOSS_BY_WORD)
    };
    Measure {
        value,
        evidence: vec![format!("{words:.1} words a sentence")],
    }
}

/// Full for 50 to 125 words; in proportion below, and above falling to nought at twice the upper end.
pub fn length(post: &Post) -> Measure {
    let words = post.words() as f64;
    let value = if words < GOOD_LENGTH.0 {
        words / GOOD_LENGTH.0
    } else {
        1.0 - (words - GOOD_LENGTH.1).max(0.0) / GOOD_LENGTH.1
    };
    Measure {
        value,
        evidence: vec![format!("{} words", post.words())],
    }
}

/// Phrases that ask for an answer, and one more for a question.
pub fn reply_magnets(post: &Post) -> Measure {
    let mut evidence = post.phrases(cues::REPLIES);
    if post.hook.holds("?") || post.body.holds("?") {
        evidence.push("a question".to_owned());
    }
    counted(evidence, 2.0)
}

/// Phrases that show knowledge, and one more for figures.
pub fn authority(post: &Post) -> Measure {
    let mut evidence = post.phrases(cues::AUTHORITY);
    if let Some(figure) = post.hook.figures().chain(post.body.figures()).next() {
        evidence.push(format!("a figure: “{figure}”"));
    }
    counted(evidence, 3.0)
}

pub fn share_triggers(post: &Post) -> Measure {
    counted(post.phrases(cues::SHARES), 2.0)
}

/// Each piece of evidence is one cue; `full` of them give the full value.
fn counted(evidence: Vec<String>, full: f64) -> Measure {
    Measure {
        value: evidence.len() as f64 / full,
        evidence,
    }
}
