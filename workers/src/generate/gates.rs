//! The gates over score and emotion.

use super::{analysis::Analysis, objection::Objection};
use crate::failure::{EMOTION_CONTRACT, LANGUAGE_UNSUPPORTED, LOW_SCORE, invalid};
use domain::{
    revision::{Gates, PersonaRevision},
    tasks::TaskFailure,
    text::language::is_english,
};

/// Refuses, before anything is paid for, a gate over an analysis that the persona's language does not have.
///
/// # Errors
/// `LanguageUnsupported`.
pub fn check_language(persona: &PersonaRevision) -> Result<(), TaskFailure> {
    let language = &persona.voice.language;
    if is_english(language) {
        return Ok(());
    }
    let gate = match &persona.gates {
        Gates {
            emotion: Some(_), ..
        } => "emotion contract",
        Gates {
            min_score_bp: Some(_),
            ..
        } => "minimum score",
        _ => return Ok(()),
    };
    Err(invalid(
        LANGUAGE_UNSUPPORTED,
        format!(
            "the {gate} needs an analysis that exists for English alone; remove the gate or set voice.language to en"
        ),
    ))
}

/// The objection of the first gate that the text does not pass.
#[must_use]
pub fn judge(gates: &Gates, analysis: &Analysis) -> Option<Objection> {
    low_score(gates, analysis).or_else(|| broken_contract(gates, analysis))
}

fn low_score(gates: &Gates, analysis: &Analysis) -> Option<Objection> {
    let least = gates.min_score_bp?;
    let score = analysis.score_bp().unwrap_or(0);
    (score < i32::from(least)).then(|| {
        let (score, least) = (f64::from(score) / 100.0, f64::from(least) / 100.0);
        objection(
            LOW_SCORE,
            format!("the score {score:.2} is below the minimum of {least:.2}"),
        )
    })
}

fn broken_contract(gates: &Gates, analysis: &Analysis) -> Option<Objection> {
    let violations = gates.emotion.as_ref()?.check(analysis.emotions()?).err()?;
    let sentences: Vec<String> = violations.iter().map(ToString::to_string).collect();
    Some(objection(EMOTION_CONTRACT, sentences.join("; ")))
}

fn objection(code: &'static str, message: String) -> Objection {
    Objection {
        code,
        message,
        regenerate: true,
    }
}
