//! How likely a post is to be read and answered, by eight factors with fixed weights.
//!
//! The weights and rules are those of the program that this one replaces; the cue lists are this project's own. Nothing is
//! trained and nothing is drawn by lot: every factor shows what it counted.

mod cues;
mod factors;
mod hook;
mod post;

use self::post::Post;
use super::{LANGUAGE_UNSUPPORTED, language};
use serde::{Deserialize, Serialize};

/// The score of one post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreReport {
    /// 0 to 10000; absent where a factor is.
    pub total_bp: Option<u16>,
    pub factors: Vec<Factor>,
    /// Why the total is absent.
    pub reason: Option<String>,
}

/// One part of the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    pub name: FactorName,
    /// Share of the total; those of all factors sum to 10000.
    pub weight_bp: u16,
    /// 0 to 10000; absent where the language is not one that the factor can read.
    pub value_bp: Option<u16>,
    /// What was counted, in the order of the text.
    pub evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorName {
    HookStrength,
    EmotionIntensity,
    CuriosityGaps,
    Readability,
    Length,
    ReplyMagnets,
    Authority,
    ShareTriggers,
}

/// A value of 0 to 1 with what it was computed from.
struct Measure {
    value: f64,
    evidence: Vec<String>,
}

/// What a factor must know of the language to be computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The English word lists.
    English,
    /// Only where words begin and end.
    WordSpaces,
}

/// A factor's name, weight, needs and rule.
type Rule = (FactorName, u16, Needs, fn(&Post) -> Measure);

const RULES: [Rule; 8] = [
    (
        FactorName::HookStrength,
        3_000,
        Needs::English,
        hook::strength,
    ),
    (
        FactorName::EmotionIntensity,
        1_500,
        Needs::English,
        factors::emotion_intensity,
    ),
    (
        FactorName::CuriosityGaps,
        1_500,
        Needs::English,
        factors::curiosity_gaps,
    ),
    (
        FactorName::Readability,
        1_000,
        Needs::WordSpaces,
        factors::readability,
    ),
    (
        FactorName::Length,
        1_000,
        Needs::WordSpaces,
        factors::length,
    ),
    (
        FactorName::ReplyMagnets,
        1_000,
        Needs::English,
        factors::reply_magnets,
    ),
    (
        FactorName::Authority,
        500,
        Needs::English,
        factors::authority,
    ),
    (
        FactorName::ShareTriggers,
        500,
        Needs::English,
        factors::share_triggers,
    ),
];

/// Scores a post in the language of a BCP 47 tag.
///
/// Factors that cannot read the language are absent, and with them the total.
#[must_use]
pub fn score(language: &str, hook: &str, body: &str) -> ScoreReport {
    let post = Post::of(hook, body);
    let allowed = |needs| match needs {
        Needs::English => language::is_english(language),
        Needs::WordSpaces => language::counts_words(language),
    };
    let factors: Vec<Factor> = RULES
        .iter()
        .map(|&(name, weight_bp, needs, rule)| {
            let measure = allowed(needs).then(|| rule(&post));
            Factor {
                name,
                weight_bp,
                value_bp: measure.as_ref().map(|measure| basis_points(measure.value)),
                evidence: measure.map(|measure| measure.evidence).unwrap_or_default(),
            }
        })
        .collect();
    let total_bp = total(&factors);
    let reason = total_bp.is_none().then(|| LANGUAGE_UNSUPPORTED.to_owned());
    ScoreReport {
        total_bp,
        factors,
        reason,
    }
}

/// The weighted sum; absent as soon as one value is, never scaled up from the rest.
fn total(factors: &[Factor]) -> Option<u16> {
    let mut sum = 0_u32;
    for factor in factors {
        sum += u32::from(factor.weight_bp) * u32::from(factor.value_bp?);
    }
    u16::try_from((sum + 5_000) / 10_000).ok()
}

fn basis_points(value: f64) -> u16 {
    (value.clamp(0.0, 1.0) * 10_000.0).round() as u16
}
