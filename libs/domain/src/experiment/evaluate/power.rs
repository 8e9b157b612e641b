//! What the experiment can find by its maximum duration, from the persona's own history.

use super::Levels;
use crate::{
    experiment::{Design, Engine, Evidence, MetricKind, Power},
    statistics::{
        moments::Moments,
        power::{detectable_difference_of_means, detectable_difference_of_sequence},
        sequence::{Sequence, Sides, units_of_pair},
    },
};

/// Fewer units of history say too little of the variance.
const HISTORY_MIN: usize = 10;
const DAY: f64 = 86_400.0;

pub(super) fn power(design: &Design, evidence: &Evidence, levels: &Levels) -> Power {
    detectable(design, evidence, levels).map_or(Power::NoHistory, |relative| {
        let detectable_bp = (relative * 10_000.0).ceil().min(f64::from(u32::MAX)) as u32;
        Power::Known {
            detectable_bp,
            reachable: detectable_bp <= design.mde_bp,
        }
    })
}

/// Relative to the mean of the history.
fn detectable(design: &Design, evidence: &Evidence, levels: &Levels) -> Option<f64> {
    if evidence.history.len() < HISTORY_MIN {
        return None;
    }
    let values: Moments = evidence
        .history
        .iter()
        .map(|outcome| match design.metric.kind {
            MetricKind::Proportion => f64::from(u8::from(outcome.y > 0.0)),
            MetricKind::Mean | MetricKind::Ratio => outcome.rate(),
        })
        .collect();
    let (mean, variance) = (values.mean()?.abs(), values.variance()?);
    let units = units_by_the_end(design, evidence);
    let (alpha, power) = (levels.alpha, f64::from(design.power_bp) / 10_000.0);
    let difference = match design.engine {
        Engine::Sequential => {
            let planned = units_of_pair(levels.planned, levels.planned);
            let sequence = Sequence::new(alpha, Sides::Two, planned)?;
            detectable_difference_of_sequence(
                &sequence,
                units_of_pair(units, units),
                variance,
                power,
            )?
        }
        Engine::FixedHorizon | Engine::Bayesian => {
            detectable_difference_of_means(units, (variance, variance), alpha, power)?
        }
    };
    (mean > 0.0)
        .then_some(difference / mean)
        .filter(|relative| relative.is_finite())
}

/// Units an arm at the maximum duration, by the rate so far; without one, those that were planned.
fn units_by_the_end(design: &Design, evidence: &Evidence) -> f64 {
    let arms = design.arms.len() as f64;
    let planned = design.planned_units as f64;
    let by_rate = evidence
        .units_per_day
        .map(|per_day| per_day * design.stopping.max_seconds as f64 / DAY / arms);
    let bounded = by_rate.unwrap_or(planned);
    let most = design
        .stopping
        .max_units
        .map_or(f64::INFINITY, |units| units as f64 / arms);
    bounded.min(most).max(2.0)
}
