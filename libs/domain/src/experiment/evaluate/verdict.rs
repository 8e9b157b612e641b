//! The verdict. Faults of the data come first, then what is too early, then what is proven, then what is over.

use super::{of_arm, sentence};
use crate::{
    experiment::{
        Allocation, ArmFigures, Comparison, Design, Engine, Evidence, GuardrailFigures,
        GuardrailState, Power, RatioMismatch, Verdict,
    },
    statistics::{bayes, sequence::MINIMUM_EFFECTIVE_UNITS, srm},
};

/// Everything that a verdict looks at.
pub(super) struct Facts<'a> {
    pub design: &'a Design,
    pub evidence: &'a Evidence,
    pub comparisons: Vec<Comparison>,
    pub ratio_mismatch: RatioMismatch,
    pub guardrails: Vec<GuardrailFigures>,
    pub fresh: bool,
    pub power: Power,
    pub effective_units: f64,
    pub smallest_arm: u64,
    pub beliefs: Option<&'a bayes::Comparison>,
    pub arms: &'a [ArmFigures],
}

pub(super) struct Decided {
    pub verdict: Verdict,
    pub winner: Option<usize>,
    pub sentence: String,
    pub forecast_at: Option<i64>,
}

/// Why nothing may be said yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    MissingRecords,
    MinimumDuration,
    MinimumUnits,
    EffectiveUnits,
    PlannedUnits,
}

/// Which bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Duration,
    Units,
    Tokens,
    /// A fixed horizon is looked at once; a second look would find winners among equals.
    OneLook,
}

pub(super) fn decide(facts: &Facts<'_>) -> Decided {
    if let Some((what, p_value)) = mismatch(&facts.ratio_mismatch) {
        return decided(Verdict::Invalid, None, sentence::mismatch(what, p_value));
    }
    let early = early(facts);
    let over = over(facts).filter(|over| *over != Over::OneLook || early.is_none());
    let found = match early {
        None => found(facts),
        Some(_) => None,
    };
    match (found, over, early) {
        (Some(decided), _, _) => decided,
        (None, Some(over), early) => decided(
            Verdict::Inconclusive,
            None,
            sentence::over(facts, over, early),
        ),
        (None, None, early) => Decided {
            forecast_at: early.and_then(|early| forecast(facts, early)),
            ..decided(Verdict::Pending, None, sentence::pending(facts, early))
        },
    }
}

fn decided(verdict: Verdict, winner: Option<usize>, sentence: String) -> Decided {
    Decided {
        verdict,
        winner,
        sentence,
        forecast_at: None,
    }
}

/// The first of the three tests that fails.
fn mismatch(ratio: &RatioMismatch) -> Option<(&'static str, f64)> {
    [
        ("assigned", ratio.assignment),
        ("exposed", ratio.exposure),
        ("matured", ratio.maturity),
    ]
    .into_iter()
    .find_map(|(what, p_value)| Some((what, p_value.filter(|p| *p < srm::LEVEL)?)))
}

fn early(facts: &Facts<'_>) -> Option<Early> {
    let Facts {
        design, evidence, ..
    } = facts;
    if !facts.fresh {
        return Some(Early::MissingRecords);
    }
    if evidence.now - evidence.started_at < design.stopping.min_seconds {
        return Some(Early::MinimumDuration);
    }
    if facts.smallest_arm < design.stopping.min_units_per_arm.max(2) {
        return Some(Early::MinimumUnits);
    }
    match design.engine {
        Engine::Sequential if facts.effective_units < MINIMUM_EFFECTIVE_UNITS => {
            Some(Early::EffectiveUnits)
        }
        Engine::FixedHorizon if facts.smallest_arm < design.planned_units => {
            Some(Early::PlannedUnits)
        }
        _ => None,
    }
}

fn over(facts: &Facts<'_>) -> Option<Over> {
    let Facts {
        design, evidence, ..
    } = facts;
    let stopping = &design.stopping;
    let assigned: u64 = facts.arms.iter().map(|arm| arm.assigned).sum();
    if evidence.now - evidence.started_at >= stopping.max_seconds {
        Some(Over::Duration)
    } else if stopping.max_units.is_some_and(|most| assigned >= most) && evidence.open_units == 0 {
        Some(Over::Units)
    } else if stopping
        .max_tokens
        .is_some_and(|most| evidence.tokens_spent >= most)
    {
        Some(Over::Tokens)
    } else if design.engine == Engine::FixedHorizon && facts.smallest_arm >= design.planned_units {
        Some(Over::OneLook)
    } else {
        None
    }
}

/// What is proven, or what a bandit has settled on.
fn found(facts: &Facts<'_>) -> Option<Decided> {
    winner(facts)
        .or_else(|| adopted(facts))
        .or_else(|| loser(facts))
        .or_else(|| no_difference(facts))
}

fn state_of(facts: &Facts<'_>, arm: usize) -> GuardrailState {
    let mut states = facts.guardrails.iter().filter(|it| it.arm == arm);
    if states
        .clone()
        .any(|it| it.state == GuardrailState::Violated)
    {
        GuardrailState::Violated
    } else if states.all(|it| it.state == GuardrailState::Met || !must_be_met(facts, it)) {
        GuardrailState::Met
    } else {
        GuardrailState::Unproven
    }
}

/// Per task a post that was lost counts as zero already; that as many survive need not be proven once more.
fn must_be_met(facts: &Facts<'_>, guardrail: &GuardrailFigures) -> bool {
    guardrail.name != super::SURVIVAL
        || facts.design.estimand == crate::experiment::Estimand::AmongPublished
}

fn is_bandit(design: &Design) -> bool {
    matches!(design.allocation, Allocation::Bandit { .. })
}

/// The arm with the largest proven uplift whose guardrails are all met.
fn winner(facts: &Facts<'_>) -> Option<Decided> {
    let best = match facts.design.engine {
        Engine::Bayesian => probable(facts)?,
        Engine::Sequential | Engine::FixedHorizon => facts
            .comparisons
            .iter()
            .filter(|it| it.low > 0.0 && state_of(facts, it.arm) == GuardrailState::Met)
            .reduce(|best, next| {
                if next.difference > best.difference {
                    next
                } else {
                    best
                }
            })?,
    };
    Some(decided(
        Verdict::Winner,
        Some(best.arm),
        sentence::winner(facts, best),
    ))
}

/// Bayesian and fixed weights: the probable best, if little is lost by taking it.
fn probable<'a>(facts: &'a Facts<'_>) -> Option<&'a Comparison> {
    if is_bandit(facts.design) {
        return None;
    }
    let leader = settled(facts)?;
    let comparison = of_arm(&facts.comparisons, leader)?;
    (state_of(facts, leader) == GuardrailState::Met).then_some(comparison)
}

/// The arm that P(best) or the value remaining speaks for.
fn settled(facts: &Facts<'_>) -> Option<usize> {
    let beliefs = facts.beliefs?;
    let leader = beliefs.leader;
    let probable = beliefs.arms[leader].probability_best * 10_000.0
        >= f64::from(facts.design.probability_best_bp);
    let exhausted = is_bandit(facts.design)
        && beliefs.value_remaining * 10_000.0 < f64::from(facts.design.loss_threshold_bp);
    (probable || exhausted).then_some(leader)
}

/// A bandit stops where little is left to gain; it may settle on the control.
fn adopted(facts: &Facts<'_>) -> Option<Decided> {
    if !is_bandit(facts.design) {
        return None;
    }
    let leader = settled(facts)?;
    if state_of(facts, leader) == GuardrailState::Violated {
        return None;
    }
    Some(decided(
        Verdict::Adopted,
        Some(leader),
        sentence::adopted(facts, leader),
    ))
}

/// Every arm but the control lost, or violated a guardrail.
fn loser(facts: &Facts<'_>) -> Option<Decided> {
    let control = facts.design.control();
    let lost = |arm: usize| {
        let worse = of_arm(&facts.comparisons, arm).is_some_and(|it| it.high < 0.0);
        worse || state_of(facts, arm) == GuardrailState::Violated
    };
    let bayesian = facts.design.engine == Engine::Bayesian
        && !is_bandit(facts.design)
        && settled(facts) == Some(control);
    let all = (0..facts.design.arms.len())
        .filter(|arm| *arm != control)
        .all(lost);
    (all || bayesian).then(|| decided(Verdict::Loser, Some(control), sentence::loser(facts)))
}

/// All arms are within the smallest effect that matters.
fn no_difference(facts: &Facts<'_>) -> Option<Decided> {
    let mde = f64::from(facts.design.mde_bp) / 10_000.0;
    let within = |it: &Comparison| {
        it.uplift_low.is_some_and(|low| low > -mde) && it.uplift_high.is_some_and(|high| high < mde)
    };
    let all = facts.comparisons.len() + 1 == facts.design.arms.len()
        && facts.comparisons.iter().all(within);
    all.then(|| decided(Verdict::NoDifference, None, sentence::no_difference(facts)))
}

/// When what is too early may come to be enough, by the pace so far.
fn forecast(facts: &Facts<'_>, early: Early) -> Option<i64> {
    let evidence = facts.evidence;
    let elapsed = (evidence.now - evidence.started_at).max(1) as f64;
    let (have, need) = match early {
        Early::MissingRecords => return None,
        Early::MinimumDuration => {
            return Some(evidence.started_at + facts.design.stopping.min_seconds);
        }
        Early::MinimumUnits => (
            facts.smallest_arm as f64,
            facts.design.stopping.min_units_per_arm as f64,
        ),
        Early::EffectiveUnits => (facts.effective_units, MINIMUM_EFFECTIVE_UNITS),
        Early::PlannedUnits => (facts.smallest_arm as f64, facts.design.planned_units as f64),
    };
    let seconds = elapsed * (need / have);
    // Beyond a century there is no forecast.
    (have > 0.0 && seconds < 3.2e9).then(|| evidence.started_at + seconds.ceil() as i64)
}
