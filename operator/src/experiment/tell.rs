//! The events of an experiment: the story that `kubectl describe` tells.

use super::validate::ValidatedExperiment;
use crate::controller::Notice;
use backends::postgres::operator::experiments::{Action, Decision, ExperimentRow, PromotionInto};
use domain::experiment::{Design, Verdict};

/// Sentence of an end that a person asked for by annotation.
pub const CANCELLED: &str = "cancelled by a person; nothing is claimed";

/// The verdict's word, as rows, status and events have it.
#[must_use]
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pending => "Pending",
        Verdict::Winner => "Winner",
        Verdict::Loser => "Loser",
        Verdict::NoDifference => "NoDifference",
        Verdict::Adopted => "Adopted",
        Verdict::Inconclusive => "Inconclusive",
        Verdict::Invalid => "Invalid",
    }
}

#[must_use]
pub fn started(experiment: &ValidatedExperiment) -> Notice {
    let arms: Vec<String> = experiment
        .design
        .arms
        .iter()
        .map(|arm| format!("{} {}", arm.name, percent(arm.weight_bp)))
        .collect();
    Notice::normal(
        "Started",
        format!("units are assigned from now on: {}", arms.join(", ")),
    )
}

#[must_use]
pub fn weights(row: &ExperimentRow, weights_bp: &[u32]) -> Notice {
    Notice::normal("WeightsChanged", shares(&row.design, weights_bp))
}

fn shares(design: &Design, weights_bp: &[u32]) -> String {
    let shares: Vec<String> = design
        .arms
        .iter()
        .zip(weights_bp)
        .map(|(arm, weight)| format!("{} {}", arm.name, percent(*weight)))
        .collect();
    shares.join(", ")
}

fn percent(basis_points: u32) -> String {
    format!("{} %", f64::from(basis_points) / 100.0)
}

/// The verdict, and what was done about it.
#[must_use]
pub fn decided(decision: &Decision<'_>, experiment: &ValidatedExperiment) -> Vec<Notice> {
    let evaluation = decision.evaluation;
    let sentence = evaluation.sentence.clone();
    let verdict = match evaluation.verdict {
        Verdict::Pending => return Vec::new(),
        Verdict::Winner => Notice::normal("WinnerFound", sentence),
        Verdict::Loser => Notice::warning("LoserFound", sentence),
        Verdict::NoDifference => Notice::normal("NoDifference", sentence),
        Verdict::Adopted => Notice::normal("Adopted", sentence),
        Verdict::Inconclusive => Notice::normal("Inconclusive", sentence),
        Verdict::Invalid => Notice::warning("Invalid", sentence),
    };
    let done = match (decision.action, &decision.promotion) {
        (Action::Promoted | Action::RolledBack, Some(promotion)) => {
            Some(promoted(decision.action, promotion))
        }
        (Action::Awaiting, _) => Some(Notice::normal(
            "AwaitingApproval",
            format!(
                "to promote it, annotate the Experiment {}={}",
                crds::common::meta::ANNOTATION_PROMOTE,
                evaluation.inputs_digest
            ),
        )),
        (Action::Refused, _) => {
            let track = experiment
                .target
                .as_ref()
                .map_or("", |target| target.track.as_str());
            Some(Notice::warning(
                "PromotionRefused",
                format!(
                    "track {track:?} is not managed; a version that its template fixes always wins"
                ),
            ))
        }
        _ => None,
    };
    std::iter::once(verdict).chain(done).collect()
}

/// A track follows another version from now on; told of the experiment and of the template alike.
#[must_use]
pub fn promoted(action: Action, promotion: &PromotionInto<'_>) -> Notice {
    let PromotionInto {
        template,
        track,
        version,
        ..
    } = promotion;
    let note =
        format!("track {track:?} of PromptTemplate {template:?} now means version {version:?}");
    match action {
        Action::RolledBack => Notice::warning("RolledBack", note),
        _ => Notice::normal("Promoted", note),
    }
}
