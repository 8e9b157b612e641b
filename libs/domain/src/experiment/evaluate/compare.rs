//! Each arm against the control. All differences are signed so that positive is the wanted direction.

use super::{Levels, sample::Sample};
use crate::{
    experiment::{Comparison, Design, Direction, Engine, MetricKind},
    statistics::{
        Estimate, Interval,
        bayes::Posterior,
        multiple::holm,
        proportion::{newcombe_interval, pooled_z_test},
        ratio::{relative_difference, relative_uplift},
        sequence::{Sequence, Sides},
        welch::welch_test,
    },
};

/// What one engine says of one arm before Holm.
struct Look {
    arm: usize,
    /// Raw: arm − control.
    estimate: Estimate,
    p_value: Option<f64>,
}

/// One entry for each arm that can be compared by now.
pub(super) fn compare(design: &Design, sample: &Sample, levels: &Levels) -> Vec<Comparison> {
    let others = (0..design.arms.len()).filter(|arm| *arm != design.control());
    let looks: Vec<Look> = others
        .filter_map(|arm| look(design, sample, levels, arm))
        .collect();
    // Arms that cannot be compared yet still count in the correction.
    let mut p_values: Vec<f64> = looks.iter().map(|it| it.p_value.unwrap_or(1.0)).collect();
    p_values.resize(design.arms.len() - 1, 1.0);
    let corrected = holm(&p_values, levels.alpha);
    looks
        .iter()
        .zip(&corrected)
        .filter_map(|(look, holm)| {
            let interval = interval(design, sample, levels, look, holm.level)?;
            Some(comparison(design, sample, look, interval, holm.level))
        })
        .collect()
}

fn look(design: &Design, sample: &Sample, levels: &Levels, arm: usize) -> Option<Look> {
    match design.engine {
        Engine::Sequential => {
            let look = sample.look(arm)?;
            let sequence = levels.sequence(sample)?;
            Some(Look {
                arm,
                estimate: look.estimate,
                p_value: Some(sequence.p_value(&look.estimate, look.units, 0.0)),
            })
        }
        Engine::FixedHorizon => {
            let (treatment, control) = sample.pair_at_one_look(arm)?;
            Some(Look {
                arm,
                estimate: treatment.minus(&control)?,
                p_value: fixed_p_value(design, sample, arm, &treatment, &control),
            })
        }
        Engine::Bayesian => Some(Look {
            arm,
            estimate: sample.look(arm)?.estimate,
            p_value: None,
        }),
    }
}

/// The one look's p-value; none before every arm has the planned units.
fn fixed_p_value(
    design: &Design,
    sample: &Sample,
    arm: usize,
    treatment: &Estimate,
    control: &Estimate,
) -> Option<f64> {
    let complete = (0..design.arms.len()).all(|arm| sample.count(arm) >= design.planned_units);
    if !complete {
        return None;
    }
    match design.metric.kind {
        MetricKind::Proportion => {
            pooled_z_test(sample.proportion(arm), sample.proportion(design.control()))
                .map(|test| test.p_value)
        }
        MetricKind::Mean | MetricKind::Ratio => {
            welch_test(treatment, control, 0.05).map(|test| test.p_value)
        }
    }
}

fn interval(
    design: &Design,
    sample: &Sample,
    levels: &Levels,
    look: &Look,
    level: f64,
) -> Option<Interval> {
    match design.engine {
        Engine::Sequential => {
            let units = sample.look(look.arm)?.units;
            levels
                .sequence(sample)?
                .at_level(level)?
                .interval(&look.estimate, units)
        }
        Engine::FixedHorizon if design.metric.kind == MetricKind::Proportion => newcombe_interval(
            sample.proportion(look.arm),
            sample.proportion(design.control()),
            level,
        ),
        Engine::FixedHorizon => {
            let (treatment, control) = sample.pair_at_one_look(look.arm)?;
            welch_test(&treatment, &control, level).map(|test| test.interval)
        }
        Engine::Bayesian => Posterior::student(
            look.estimate.value,
            look.estimate.standard_error(),
            look.estimate.degrees_of_freedom.max(1.0),
        )?
        .credible_interval(level),
    }
}

fn comparison(
    design: &Design,
    sample: &Sample,
    look: &Look,
    interval: Interval,
    level: f64,
) -> Comparison {
    let wanted = Signed::new(design.direction, look.estimate.value, interval);
    let uplift = uplift(design, sample, look, interval);
    Comparison {
        arm: look.arm,
        difference: wanted.value,
        low: wanted.low,
        high: wanted.high,
        uplift: uplift.map(|it| it.value),
        uplift_low: uplift.map(|it| it.low),
        uplift_high: uplift.map(|it| it.high),
        p_value: look.p_value,
        level,
    }
}

/// Relative to the control's own mean, by Fieller with as many standard errors as the interval has; none where the control
/// cannot be told from zero. Under moving weights, whose means depend on each other, the control's mean is taken as known.
fn uplift(design: &Design, sample: &Sample, look: &Look, interval: Interval) -> Option<Signed> {
    let (treatment, control) = (sample.mean(look.arm)?, sample.mean(design.control())?);
    let value = relative_difference(treatment.value, control.value)?;
    let relative = if sample.is_adaptive() {
        let base = control.value.abs();
        Interval::new(interval.lower / base, interval.upper / base)?
    } else {
        let critical = interval.width() / 2.0 / look.estimate.standard_error();
        relative_uplift(&treatment, &control, critical)?
    };
    Some(Signed::new(design.direction, value, relative))
}

/// A difference with its interval, positive being the wanted direction.
#[derive(Clone, Copy)]
pub(super) struct Signed {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Signed {
    pub(super) fn new(direction: Direction, value: f64, interval: Interval) -> Self {
        match direction {
            Direction::Increase => Self {
                value,
                low: interval.lower,
                high: interval.upper,
            },
            Direction::Decrease => Self {
                value: -value,
                low: -interval.upper,
                high: -interval.lower,
            },
        }
    }
}

impl Levels {
    /// The sequence of the objective, tuned to the planned units.
    pub(super) fn sequence(&self, sample: &Sample) -> Option<Sequence> {
        Sequence::new(self.alpha, Sides::Two, sample.planned(self.planned))
    }
}
