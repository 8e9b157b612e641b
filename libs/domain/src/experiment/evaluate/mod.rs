//! From evidence to what may be said. Total over finite evidence: no number in the answer is NaN or infinite, and what cannot be
//! known is absent.

mod checks;
mod compare;
mod digest;
mod power;
mod sample;
mod sentence;
mod verdict;

pub use checks::SURVIVAL;

use super::{
    Allocation, ArmFigures, Comparison, Design, Direction, Engine, Evaluation, Evidence,
    MetricKind, Power,
};
use crate::statistics::{
    Direction as Wanted, Estimate, Interval,
    bayes::{self, Posterior},
    seeds::seed_of,
    thompson::apportion,
    welch::test_difference,
};
use checks::Published;
use digest::Inputs;
use sample::Sample;
use verdict::Facts;

/// Joint draws for P(best): within ±.02.
const DRAWS: usize = 1024;

/// Units that are looked at for one thing after another.
const UNITS_AT_ONCE: usize = 256;

/// What the design says in numbers.
struct Levels {
    alpha: f64,
    /// Units an arm.
    planned: f64,
}

/// What is believed of all arms together.
struct Beliefs {
    posteriors: Vec<Posterior>,
    comparison: bayes::Comparison,
}

/// Evaluates an experiment. The same evidence gives the same answer; `evidence.now` moves only what depends on the clock.
#[must_use]
pub fn evaluate(design: &Design, evidence: &Evidence) -> Evaluation {
    let levels = Levels {
        alpha: (f64::from(design.alpha_bp) / 10_000.0).clamp(1e-4, 0.5),
        planned: design.planned_units.max(1) as f64,
    };
    let Counted {
        sample,
        published,
        inputs_digest,
    } = count(design, evidence);
    let beliefs = beliefs(design, &sample, &inputs_digest);
    let arms = figures(design, evidence, &levels, &sample, beliefs.as_ref());
    let leader = leader(design, &arms);
    let facts = Facts {
        design,
        evidence,
        comparisons: compare::compare(design, &sample, &levels),
        ratio_mismatch: checks::ratio_mismatch(design, evidence, &published),
        guardrails: checks::guardrails(design, evidence, &levels),
        fresh: checks::is_fresh(evidence),
        power: power::power(design, evidence, &levels),
        effective_units: smallest(arms.iter().map(|arm| arm.effective_units)),
        smallest_arm: arms.iter().map(|arm| arm.matured).min().unwrap_or(0),
        beliefs: beliefs.as_ref().map(|beliefs| &beliefs.comparison),
        arms: &arms,
    };
    let decided = verdict::decide(&facts);
    let Facts {
        comparisons,
        ratio_mismatch,
        guardrails,
        fresh,
        power,
        effective_units,
        ..
    } = facts;
    Evaluation {
        verdict: decided.verdict,
        winner: decided.winner,
        leader,
        sentence: decided.sentence,
        comparisons,
        ratio_mismatch,
        guardrails,
        secondary: checks::secondary(design, evidence, &levels),
        power,
        data_fresh: fresh,
        effective_units,
        forecast_at: decided.forecast_at,
        next_weights_bp: next_weights(design, evidence, beliefs.as_ref()),
        notes: notes(design, sample.is_adaptive(), &power),
        inputs_digest,
        arms,
    }
}

/// What one way through the units gives.
struct Counted<'a> {
    sample: Sample,
    published: Published<'a>,
    inputs_digest: String,
}

/// Takes a few units at a time for all that is counted: a hundred thousand do not stay near the processor from one way through
/// to the next.
fn count<'a>(design: &Design, evidence: &'a Evidence) -> Counted<'a> {
    let mut sample = Sample::new(design, design.metric.kind);
    let mut published = Published::new(design, evidence);
    let mut inputs = Inputs::new();
    let adjusted = sample::adjusted(design, evidence);
    for (index, units) in evidence.units.chunks(UNITS_AT_ONCE).enumerate() {
        let adjusted = adjusted
            .as_ref()
            .and_then(|values| values.get(index * UNITS_AT_ONCE..));
        sample.take(units, adjusted, |unit| unit.objective);
        published.take(units);
        inputs.take(units);
    }
    Counted {
        sample,
        published,
        inputs_digest: inputs.digest(design, evidence),
    }
}

fn smallest(values: impl Iterator<Item = f64>) -> f64 {
    values.reduce(f64::min).unwrap_or(0.0)
}

fn wanted(direction: Direction) -> Wanted {
    match direction {
        Direction::Increase => Wanted::Increase,
        Direction::Decrease => Wanted::Decrease,
    }
}

/// Present once every arm has something to be believed of and two units have matured.
fn beliefs(design: &Design, sample: &Sample, digest: &str) -> Option<Beliefs> {
    let posteriors = sample.beliefs()?;
    let comparison = bayes::compare(
        &posteriors,
        wanted(design.direction),
        DRAWS,
        seed_of(digest.as_bytes()),
    )?;
    Some(Beliefs {
        posteriors,
        comparison,
    })
}

fn figures(
    design: &Design,
    evidence: &Evidence,
    levels: &Levels,
    sample: &Sample,
    beliefs: Option<&Beliefs>,
) -> Vec<ArmFigures> {
    let weights = evidence.epochs.last().map(|epoch| &epoch.weights_bp);
    (0..design.arms.len())
        .map(|arm| {
            let counted = |count: fn(&super::ArmCounts) -> u64| {
                evidence
                    .counts
                    .iter()
                    .filter_map(|it| it.arms.get(arm))
                    .map(count)
                    .sum()
            };
            let belief = beliefs.map(|it| it.comparison.arms[arm]);
            let estimate = sample.mean(arm);
            let interval =
                estimate.and_then(|it| arm_interval(design, levels, sample, beliefs, arm, &it));
            ArmFigures {
                assigned: counted(|it| it.assigned),
                exposed: counted(|it| it.exposed),
                matured: sample.count(arm),
                missing: evidence.missing.get(arm).copied().unwrap_or(0),
                mean: estimate.map(|it| it.value),
                low: interval.map(|it| it.lower),
                high: interval.map(|it| it.upper),
                probability_best: belief.map(|it| it.probability_best),
                expected_loss: belief.map(|it| it.expected_loss),
                weight_bp: weights
                    .and_then(|it| it.get(arm).copied())
                    .unwrap_or(design.arms[arm].weight_bp),
                effective_units: sample.effective_units(arm),
            }
        })
        .collect()
}

/// The arm's own interval, of the engine's kind.
fn arm_interval(
    design: &Design,
    levels: &Levels,
    sample: &Sample,
    beliefs: Option<&Beliefs>,
    arm: usize,
    estimate: &Estimate,
) -> Option<Interval> {
    match design.engine {
        Engine::Sequential => {
            let units = if sample.is_adaptive() {
                (0..design.arms.len())
                    .map(|arm| sample.count(arm))
                    .sum::<u64>() as f64
            } else {
                sample.count(arm) as f64 / 2.0
            };
            levels.sequence(sample)?.interval(estimate, units)
        }
        Engine::FixedHorizon => test_difference(estimate, levels.alpha).map(|it| it.interval),
        Engine::Bayesian => beliefs?.posteriors[arm].credible_interval(levels.alpha),
    }
}

/// The arm with the best mean, once two arms have one; the first of equals.
fn leader(design: &Design, arms: &[ArmFigures]) -> Option<usize> {
    let sign = wanted(design.direction).sign();
    let known: Vec<(usize, f64)> = arms
        .iter()
        .enumerate()
        .filter_map(|(arm, figures)| Some((arm, figures.mean? * sign)))
        .collect();
    if known.len() < 2 {
        return None;
    }
    known
        .into_iter()
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(arm, _)| arm)
}

/// A bandit's weights for the next epoch, where they differ from those in force.
fn next_weights(
    design: &Design,
    evidence: &Evidence,
    beliefs: Option<&Beliefs>,
) -> Option<Vec<u32>> {
    let Allocation::Bandit { floor_bp, .. } = design.allocation else {
        return None;
    };
    // What `thompson_weights` gives for these posteriors and this seed, without drawing a second time.
    let arms = &beliefs?.comparison.arms;
    let best: Vec<f64> = arms.iter().map(|arm| arm.probability_best).collect();
    let weights = apportion(&best, floor_bp)?;
    (evidence.epochs.last().map(|epoch| &epoch.weights_bp) != Some(&weights)).then_some(weights)
}

/// What is not claimed.
fn notes(design: &Design, adaptive: bool, power: &Power) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    if design.estimand == super::Estimand::AmongPublished {
        note("figures are among published posts; tasks that gave none are left out");
    }
    if design.engine == Engine::Bayesian {
        note(
            "no error rate is claimed: the Bayesian engine gives probabilities under stated priors",
        );
    }
    if let Allocation::Bandit { floor_bp, .. } = design.allocation {
        if adaptive {
            note("weights moved, so figures are weighted by the recorded probabilities (AIPW)");
        }
        if floor_bp < 1000 {
            note("no error rate is claimed: the floor of the weights is below 10 %");
        }
    }
    if design.metric.kind == MetricKind::Ratio {
        note("the metric is a ratio of sums, another question than the mean of each post's rate");
    }
    if let Power::Known {
        detectable_bp,
        reachable: false,
    } = power
    {
        notes.push(format!(
            "the wanted effect of {} cannot be found by the maximum duration; {} can",
            sentence::percent(f64::from(design.mde_bp) / 10_000.0),
            sentence::percent(f64::from(*detectable_bp) / 10_000.0),
        ));
    }
    notes
}

/// Whether this comparison is with the arm.
fn of_arm(comparisons: &[Comparison], arm: usize) -> Option<&Comparison> {
    comparisons.iter().find(|it| it.arm == arm)
}

#[cfg(test)]
mod tests;
