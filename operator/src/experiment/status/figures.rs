//! Figures of the last evaluation as the status shows them: rounded, so that nothing flaps, and never NaN.

use super::{super::tell::word, time};
use backends::postgres::operator::experiments::{DecisionRow, EndReason, ExperimentRow};
use chrono::{DateTime, Utc};
use crds::{
    ExperimentStatus,
    experiment::{
        ArmStatus, CanaryStatus, DecisionStatus, GuardrailState, GuardrailStatus, RatioStatus,
    },
};
use domain::experiment::{
    self as domain_words, ArmFigures, Comparison, Design, Evaluation, Power, canary::Canary,
};

/// A forecast moves with every unit; the hour is what people plan by.
const FORECAST_SECONDS: i64 = 3_600;
/// Digits of a figure.
const DIGITS: i32 = 4;
/// Bound on the text of a sentence and of a note, in characters.
const SENTENCE_MAX: usize = 1_024;
const NOTE_MAX: usize = 512;
const NOTES_SHOWN: usize = 10;
const GUARDRAILS_SHOWN: usize = 60;

/// Writes into the status what the rows say.
pub(super) fn fill(
    status: &mut ExperimentStatus,
    row: &ExperimentRow,
    decisions: &[DecisionRow],
    late_outcomes: i64,
) {
    status.started_at = row.started_at.and_then(time);
    status.ended_at = row.ended_at.and_then(time);
    status.arm_count = i32::try_from(row.design.arms.len()).ok();
    status.verdict = verdict(row);
    status.winner = row.winner.clone();
    status.inputs_digest = row.inputs_digest.clone();
    status.weight_epoch = row.started_at.map(|_| row.weight_epoch);
    status.late_outcomes = Some(late_outcomes);
    status.decisions = decisions.iter().map(decision).collect();
    status.canary = row
        .canary
        .as_ref()
        .map(|canary| canary_status(canary, row.canary_at));
    match &row.evaluation {
        Some(evaluation) => of_evaluation(status, &row.design, evaluation),
        None => clear(status),
    }
}

/// A row that was begun anew has no figures; those of the one before are not its own.
fn clear(status: &mut ExperimentStatus) {
    status.arms = Vec::new();
    status.guardrails = Vec::new();
    status.notes = Vec::new();
    status.sample_ratio = None;
    status.leader = None;
    status.leader_probability = None;
    status.explanation = None;
    status.matured = None;
    status.minimum_detectable_bp = None;
    status.effective_units = None;
    status.forecast_at = None;
}

fn verdict(row: &ExperimentRow) -> Option<String> {
    row.verdict
        .clone()
        .or_else(|| {
            let evaluation = row.evaluation.as_ref()?;
            Some(word(evaluation.verdict).to_owned())
        })
        .filter(|_| row.ended_reason != Some(EndReason::Gone))
}

fn of_evaluation(status: &mut ExperimentStatus, design: &Design, evaluation: &Evaluation) {
    let name = |arm: usize| design.arms.get(arm).map(|arm| arm.name.clone());
    status.arms = arms(design, evaluation);
    status.matured = whole(evaluation.arms.iter().map(|arm| arm.matured).sum());
    status.leader = evaluation.leader.and_then(name);
    status.leader_probability = evaluation
        .leader
        .and_then(|leader| evaluation.arms.get(leader)?.probability_best)
        .filter(|probability| probability.is_finite())
        .map(|probability| format!("{probability:.2}"));
    status.explanation = Some(cut(&evaluation.sentence, SENTENCE_MAX));
    status.notes = evaluation
        .notes
        .iter()
        .take(NOTES_SHOWN)
        .map(|note| cut(note, NOTE_MAX))
        .collect();
    let ratio = evaluation.ratio_mismatch;
    status.sample_ratio = Some(RatioStatus {
        assignment: ratio.assignment.and_then(figure),
        exposure: ratio.exposure.and_then(figure),
        maturity: ratio.maturity.and_then(figure),
    });
    status.guardrails = evaluation
        .guardrails
        .iter()
        .take(GUARDRAILS_SHOWN)
        .filter_map(|guardrail| guardrail_status(guardrail, name(guardrail.arm)?))
        .collect();
    status.minimum_detectable_bp = match evaluation.power {
        Power::NoHistory => None,
        Power::Known { detectable_bp, .. } => Some(i64::from(detectable_bp)),
    };
    status.effective_units = Some(rounded(evaluation.effective_units).unwrap_or(0));
    status.forecast_at = evaluation.forecast_at.and_then(forecast);
}

fn arms(design: &Design, evaluation: &Evaluation) -> Vec<ArmStatus> {
    let of_arm = |(index, (arm, figures)): (usize, (&domain_words::Arm, &ArmFigures))| {
        let comparison = evaluation
            .comparisons
            .iter()
            .find(|comparison| comparison.arm == index);
        let uplift = |end: fn(&Comparison) -> Option<f64>| {
            comparison
                .and_then(end)
                .and_then(|share| rounded(share * 10_000.0))
        };
        ArmStatus {
            name: arm.name.clone(),
            control: arm.control,
            assigned: whole(figures.assigned).unwrap_or(0),
            exposed: whole(figures.exposed).unwrap_or(0),
            matured: whole(figures.matured).unwrap_or(0),
            missing: whole(figures.missing).unwrap_or(0),
            mean: figures.mean.and_then(figure),
            interval: figures
                .low
                .and_then(figure)
                .zip(figures.high.and_then(figure))
                .map(|(low, high)| format!("{low} to {high}")),
            uplift_bp: uplift(|comparison| comparison.uplift),
            uplift_low_bp: uplift(|comparison| comparison.uplift_low),
            uplift_high_bp: uplift(|comparison| comparison.uplift_high),
            probability_best_bp: figures
                .probability_best
                .and_then(|probability| rounded(probability * 10_000.0))
                .and_then(|bp| i32::try_from(bp.clamp(0, 10_000)).ok()),
            weight_bp: i32::try_from(figures.weight_bp).unwrap_or(0),
            expected_loss: figures.expected_loss.and_then(figure),
        }
    };
    design
        .arms
        .iter()
        .zip(&evaluation.arms)
        .enumerate()
        .map(of_arm)
        .collect()
}

fn guardrail_status(
    figures: &domain_words::GuardrailFigures,
    arm: String,
) -> Option<GuardrailStatus> {
    let worsening = match (
        figures.worsening.and_then(figure),
        figures.bound.and_then(figure),
    ) {
        (Some(worsening), Some(bound)) => Some(format!("{worsening}, at most {bound}")),
        (worsening, _) => worsening,
    };
    Some(GuardrailStatus {
        name: figures.name.clone(),
        arm,
        state: match figures.state {
            domain_words::GuardrailState::Met => GuardrailState::Met,
            domain_words::GuardrailState::Unproven => GuardrailState::Unproven,
            domain_words::GuardrailState::Violated => GuardrailState::Violated,
        },
        worsening,
    })
}

fn decision(row: &DecisionRow) -> DecisionStatus {
    DecisionStatus {
        at: time(row.at),
        verdict: row.verdict.clone(),
        winner: row.winner.clone(),
        action: row.action.as_str().to_owned(),
        inputs_digest: row.inputs_digest.clone(),
        sentence: cut(&row.sentence, SENTENCE_MAX),
    }
}

fn canary_status(canary: &Canary, at: Option<DateTime<Utc>>) -> CanaryStatus {
    CanaryStatus {
        false_positive_rate: format!("{:.4}", canary.rate),
        interval: format!("{:.4} to {:.4}", canary.low, canary.high),
        relabels: whole(canary.runs).unwrap_or(0),
        posts: whole(canary.units).unwrap_or(0),
        at: at.and_then(time),
    }
}

fn forecast(seconds: i64) -> Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time> {
    let hour = seconds.div_euclid(FORECAST_SECONDS) + 1;
    time(DateTime::from_timestamp(
        hour.checked_mul(FORECAST_SECONDS)?,
        0,
    )?)
}

/// A decimal of [`DIGITS`] significant digits; none of what is no number.
fn figure(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some("0".to_owned());
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-9..=15).contains(&magnitude) {
        return Some(format!("{value:.3e}"));
    }
    let decimals = usize::try_from(DIGITS - 1 - magnitude).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    Some(if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    })
}

fn rounded(value: f64) -> Option<i64> {
    value
        .is_finite()
        .then(|| value.round().clamp(-1e9, 1e9) as i64)
}

fn whole(count: u64) -> Option<i64> {
    i64::try_from(count)
        .ok()
        .map(|count| count.min(1_000_000_000))
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_and_are_never_no_number() {
        for (value, text) in [
            (0.034_567, Some("0.03457")),
            (1234.56, Some("1235")),
            (123_456.0, Some("123456")),
            (-0.5, Some("-0.5")),
            (0.0, Some("0")),
            (1e-30, Some("1.000e-30")),
            (1e300, Some("1.000e300")),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(figure(value).as_deref(), text, "{value}");
        }
    }
}
