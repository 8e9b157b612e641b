//! The one sentence of a verdict, with the figures that decided.

use super::{
    of_arm,
    verdict::{Early, Facts, Over},
};
use crate::experiment::{Comparison, Engine, Estimand, GuardrailState};

/// A share as people read it, for example `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    let hundred = share * 100.0;
    if hundred.abs() >= 100.0 {
        format!("{hundred:.0} %")
    } else {
        format!("{hundred:.1} %")
    }
}

/// A figure with four significant digits.
fn figure(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.digits$}")
}

fn name<'a>(facts: &'a Facts<'_>, arm: usize) -> &'a str {
    facts
        .design
        .arms
        .get(arm)
        .map_or("?", |arm| arm.name.as_str())
}

fn among(facts: &Facts<'_>) -> &'static str {
    match facts.design.estimand {
        Estimand::PerTask => "",
        Estimand::AmongPublished => " among published",
    }
}

/// `0.0412 against 0.0367`, then the uplift with the interval that decided.
fn against(facts: &Facts<'_>, comparison: &Comparison) -> String {
    let mean = |arm: usize| {
        facts
            .arms
            .get(arm)
            .and_then(|it| it.mean)
            .map_or_else(|| "unknown".to_owned(), figure)
    };
    let means = format!(
        "{} against {}{}",
        mean(comparison.arm),
        mean(facts.design.control()),
        among(facts)
    );
    let interval = match (
        comparison.uplift,
        comparison.uplift_low,
        comparison.uplift_high,
    ) {
        (Some(uplift), Some(low), Some(high)) => format!(
            "uplift {}, interval {} to {}",
            percent(uplift),
            percent(low),
            percent(high)
        ),
        _ => format!(
            "difference {}, interval {} to {}",
            figure(comparison.difference),
            figure(comparison.low),
            figure(comparison.high)
        ),
    };
    format!("{means}, {interval}")
}

fn units(facts: &Facts<'_>) -> String {
    let matured: u64 = facts.arms.iter().map(|arm| arm.matured).sum();
    format!("{matured} matured units")
}

pub(super) fn mismatch(what: &str, p_value: f64) -> String {
    format!(
        "the variants' numbers of {what} units contradict their weights (p {p_value:.1e} below 0.001), so they cannot be compared; \
         look for what treats the variants differently before their outcomes"
    )
}

pub(super) fn winner(facts: &Facts<'_>, best: &Comparison) -> String {
    let claim = match facts.design.engine {
        Engine::Bayesian => "no error rate claimed".to_owned(),
        Engine::Sequential | Engine::FixedHorizon => format!("at level {:.4}", best.level),
    };
    format!(
        "{} is better than {}: {} ({claim}; {})",
        name(facts, best.arm),
        name(facts, facts.design.control()),
        against(facts, best),
        units(facts)
    )
}

pub(super) fn adopted(facts: &Facts<'_>, leader: usize) -> String {
    let beliefs = facts.beliefs;
    let (probability, remaining) = beliefs.map_or((0.0, 0.0), |it| {
        (it.arms[leader].probability_best, it.value_remaining)
    });
    format!(
        "{} is taken because little is left to gain: it is the best with probability {probability:.3}, and another variant has at \
         most {} over it (95th percentile); no error rate is claimed ({})",
        name(facts, leader),
        percent(remaining),
        units(facts)
    )
}

pub(super) fn loser(facts: &Facts<'_>) -> String {
    let control = facts.design.control();
    let parts: Vec<String> = (0..facts.design.arms.len())
        .filter(|arm| *arm != control)
        .map(|arm| {
            let violated = facts
                .guardrails
                .iter()
                .find(|it| it.arm == arm && it.state == GuardrailState::Violated);
            match (violated, of_arm(&facts.comparisons, arm)) {
                (Some(guardrail), _) => {
                    format!(
                        "{} violates the guardrail {}",
                        name(facts, arm),
                        guardrail.name
                    )
                }
                (None, Some(comparison)) => {
                    format!("{}: {}", name(facts, arm), against(facts, comparison))
                }
                (None, None) => name(facts, arm).to_owned(),
            }
        })
        .collect();
    format!(
        "{} stays: {} ({})",
        name(facts, control),
        parts.join("; "),
        units(facts)
    )
}

pub(super) fn no_difference(facts: &Facts<'_>) -> String {
    format!(
        "no variant differs from {} by {} or more: {} ({})",
        name(facts, facts.design.control()),
        percent(f64::from(facts.design.mde_bp) / 10_000.0),
        facts
            .comparisons
            .iter()
            .map(|it| format!("{} {}", name(facts, it.arm), against(facts, it)))
            .collect::<Vec<_>>()
            .join("; "),
        units(facts)
    )
}

pub(super) fn over(facts: &Facts<'_>, over: Over, early: Option<Early>) -> String {
    let bound = match over {
        Over::Duration => "the maximum duration was reached",
        Over::Units => "the maximum number of units has matured",
        Over::Tokens => "the maximum of tokens was used",
        Over::OneLook => "the one look at the planned number was taken",
    };
    format!("{bound} and nothing is proven: {}", state(facts, early))
}

pub(super) fn pending(facts: &Facts<'_>, early: Option<Early>) -> String {
    state(facts, early)
}

/// Where it stands, without a verdict.
fn state(facts: &Facts<'_>, early: Option<Early>) -> String {
    let stopping = &facts.design.stopping;
    match early {
        Some(Early::MissingRecords) => format!(
            "{} of {} matured units have no record, more than 5 %; outcomes or heartbeats of feed {} are missing",
            facts.evidence.missing.iter().sum::<u64>(),
            facts.evidence.missing.iter().sum::<u64>() + facts.evidence.units.len() as u64,
            facts.design.feed
        ),
        Some(Early::MinimumDuration) => {
            format!(
                "the minimum duration of {} s has not passed ({})",
                stopping.min_seconds,
                units(facts)
            )
        }
        Some(Early::MinimumUnits) => format!(
            "the smallest variant has {} of {} matured units",
            facts.smallest_arm,
            stopping.min_units_per_arm.max(2)
        ),
        Some(Early::EffectiveUnits) => format!(
            "too few effective units: {:.1} of 20 in the smallest variant ({}), because few of them carry most of the weight",
            facts.effective_units,
            units(facts)
        ),
        Some(Early::PlannedUnits) => format!(
            "the smallest variant has {} of {} planned units; there is one look, at the end",
            facts.smallest_arm, facts.design.planned_units
        ),
        None => open(facts),
    }
}

fn open(facts: &Facts<'_>) -> String {
    let best = facts.comparisons.iter().reduce(|best, next| {
        if next.difference > best.difference {
            next
        } else {
            best
        }
    });
    match best {
        Some(best) => format!(
            "undecided: {} {} ({})",
            name(facts, best.arm),
            against(facts, best),
            units(facts)
        ),
        None => format!(
            "undecided: the variants cannot be compared yet ({})",
            units(facts)
        ),
    }
}
