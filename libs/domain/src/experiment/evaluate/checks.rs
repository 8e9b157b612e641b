//! What stands before any verdict: the sample ratio, missing records, guardrails; and what is described beside it.

use super::{
    Levels,
    compare::Signed,
    sample::{Look, Sample},
};
use crate::{
    experiment::{
        ArmCounts, Design, Direction, Evidence, GuardrailFigures, GuardrailState, MaturedUnit,
        RatioMismatch, SecondaryFigures, UnitKind,
    },
    statistics::{
        Estimate,
        multiple::e_benjamini_hochberg,
        proportion::Proportion,
        sequence::{Sequence, Sides, units_of_pair},
        srm::SampleRatio,
    },
};

/// Name of the guardrail that watches how many tasks give a published post.
pub const SURVIVAL: &str = "survival";
/// How many points fewer of an arm's tasks may end with a published post.
const SURVIVAL_MARGIN: f64 = 0.10;
/// Matured units from which on the share of missing records is judged, and the share that is too much.
const MISSING_FROM: u64 = 50;
const MISSING_SHARE: f64 = 0.05;

/// Three tests against what was to be expected: assigned units against the weights; exposed ones against those assigned that
/// did not end without a post; matured published ones against those exposed. What gates take away is no mismatch but a matter
/// of survival.
pub(super) fn ratio_mismatch(
    design: &Design,
    evidence: &Evidence,
    published: &Published,
) -> RatioMismatch {
    let arms = design.arms.len();
    let mut tests = [
        SampleRatio::new(arms),
        SampleRatio::new(arms),
        SampleRatio::new(arms),
    ];
    let mut seen = [0_u64; 3];
    for (entry, published) in evidence.counts.iter().zip(&published.counts) {
        let of = |count: fn(&ArmCounts) -> u64| entry.arms.iter().map(count).collect::<Vec<_>>();
        let as_weights = |counts: &[u64]| counts.iter().map(|it| *it as f64).collect::<Vec<_>>();
        let weights = evidence.epochs.iter().find(|it| it.number == entry.epoch);
        let weights: Vec<f64> = weights.map_or_else(Vec::new, |it| {
            it.weights_bp.iter().map(|bp| f64::from(*bp)).collect()
        });
        let (assigned, exposed) = (of(|it| it.assigned), of(|it| it.exposed));
        let alive = of(|it| it.assigned.saturating_sub(it.lost));
        let steps = [
            (weights, assigned),
            (as_weights(&alive), exposed.clone()),
            (as_weights(&exposed), published.clone()),
        ];
        for ((test, seen), (expected, counts)) in tests.iter_mut().zip(&mut seen).zip(steps) {
            if test.observe(&expected, &counts).is_some() {
                *seen += counts.iter().sum::<u64>();
            }
        }
    }
    let p_value = |index: usize| (seen[index] > 0).then(|| tests[index].p_value());
    RatioMismatch {
        assignment: p_value(0),
        exposure: p_value(1),
        maturity: p_value(2),
    }
}

/// Matured units with a record, by epoch (in the order of the counts) and arm.
pub(super) struct Published<'a> {
    evidence: &'a Evidence,
    counts: Vec<Vec<u64>>,
    /// Neighbours mostly share an epoch: it is looked up where it changes.
    last: Option<(i32, Option<usize>)>,
}

impl<'a> Published<'a> {
    pub(super) fn new(design: &Design, evidence: &'a Evidence) -> Self {
        Self {
            evidence,
            counts: vec![vec![0; design.arms.len()]; evidence.counts.len()],
            last: None,
        }
    }

    /// The next units.
    pub(super) fn take(&mut self, units: &[MaturedUnit]) {
        for unit in units.iter().filter(|unit| unit.published) {
            let entry = match self.last {
                Some((epoch, entry)) if epoch == unit.epoch => entry,
                _ => {
                    let mut entries = self.evidence.counts.iter();
                    entries.position(|it| it.epoch == unit.epoch)
                }
            };
            self.last = Some((unit.epoch, entry));
            let arm = usize::from(unit.arm);
            if let Some(count) = entry.and_then(|it| self.counts[it].get_mut(arm)) {
                *count += 1;
            }
        }
    }
}

/// Whether few enough of the matured units lack a record.
pub(super) fn is_fresh(evidence: &Evidence) -> bool {
    let missing: u64 = evidence.missing.iter().sum();
    let matured = evidence.units.len() as u64 + missing;
    matured < MISSING_FROM || missing as f64 <= MISSING_SHARE * matured as f64
}

/// Every guardrail on every arm but the control, at one-sided α over their number.
pub(super) fn guardrails(
    design: &Design,
    evidence: &Evidence,
    levels: &Levels,
) -> Vec<GuardrailFigures> {
    let survival = design.unit == UnitKind::Post;
    let number = design.guardrails.len() + usize::from(survival);
    let alpha = levels.alpha / number.max(1) as f64;
    let others: Vec<usize> = (0..design.arms.len())
        .filter(|arm| *arm != design.control())
        .collect();
    let mut figures = Vec::new();
    for (index, guardrail) in design.guardrails.iter().enumerate() {
        let sample = Sample::collect(design, evidence, guardrail.metric.kind, |unit| {
            unit.extra.get(index).copied().unwrap_or_default()
        });
        let sequence = Sequence::new(alpha, Sides::One, sample.planned(levels.planned));
        let control = sample.mean(design.control()).map(|it| it.value.abs());
        let share = f64::from(guardrail.margin_bp) / 10_000.0;
        let margin = if guardrail.relative {
            control.map(|mean| share * mean)
        } else {
            Some(share)
        };
        for arm in &others {
            let look = sample.look(*arm);
            figures.push(judge(
                &guardrail.name,
                *arm,
                guardrail.direction,
                look,
                margin,
                sequence,
            ));
        }
    }
    if survival {
        let planned = units_of_pair(levels.planned, levels.planned);
        let sequence = Sequence::new(alpha, Sides::One, planned);
        for arm in &others {
            let look = survival_look(design, evidence, *arm);
            let margin = Some(SURVIVAL_MARGIN);
            figures.push(judge(
                SURVIVAL,
                *arm,
                Direction::Increase,
                look,
                margin,
                sequence,
            ));
        }
    }
    figures
}

fn judge(
    name: &str,
    arm: usize,
    direction: Direction,
    look: Option<Look>,
    margin: Option<f64>,
    sequence: Option<Sequence>,
) -> GuardrailFigures {
    let mut figures = GuardrailFigures {
        name: name.to_owned(),
        arm,
        state: GuardrailState::Unproven,
        worsening: None,
        bound: None,
    };
    let (Some(look), Some(margin), Some(sequence)) = (look, margin, sequence) else {
        return figures;
    };
    let Some(interval) = sequence.interval(&look.estimate, look.units) else {
        figures.worsening = Some(-Signed::of(direction, look.estimate.value));
        return figures;
    };
    let wanted = Signed::new(direction, look.estimate.value, interval);
    figures.worsening = Some(-wanted.value);
    figures.bound = Some(-wanted.low);
    // Each end is a one-sided test of its own.
    figures.state = if wanted.low > -margin {
        GuardrailState::Met
    } else if wanted.high < -margin {
        GuardrailState::Violated
    } else {
        GuardrailState::Unproven
    };
    figures
}

impl Signed {
    fn of(direction: Direction, value: f64) -> f64 {
        match direction {
            Direction::Increase => value,
            Direction::Decrease => -value,
        }
    }
}

/// Published posts among ended tasks, arm − control.
fn survival_look(design: &Design, evidence: &Evidence, arm: usize) -> Option<Look> {
    let counts = |arm: usize| {
        let of_arm = evidence.counts.iter().filter_map(|it| it.arms.get(arm));
        let (matured, lost) = of_arm.fold((0, 0), |(matured, lost), it| {
            (matured + it.matured, lost + it.lost)
        });
        // Per task a lost one matured as zero; among published ones it never entered.
        match design.estimand {
            crate::experiment::Estimand::PerTask => Proportion {
                successes: matured.saturating_sub(lost),
                trials: matured,
            },
            crate::experiment::Estimand::AmongPublished => Proportion {
                successes: matured,
                trials: matured + lost,
            },
        }
    };
    let (own, control) = (counts(arm), counts(design.control()));
    let estimate: Estimate = own.estimate()?.minus(&control.estimate()?)?;
    Some(Look {
        estimate,
        units: units_of_pair(own.trials as f64, control.trials as f64),
    })
}

/// Secondary metrics with e-BH over all of them and all arms.
pub(super) fn secondary(
    design: &Design,
    evidence: &Evidence,
    levels: &Levels,
) -> Vec<SecondaryFigures> {
    let mut figures = Vec::new();
    let mut evidences = Vec::new();
    for (metric, wanted) in design.secondary.iter().enumerate() {
        let index = design.guardrails.len() + metric;
        let sample = Sample::collect(design, evidence, wanted.kind, |unit| {
            unit.extra.get(index).copied().unwrap_or_default()
        });
        for arm in (0..design.arms.len()).filter(|arm| *arm != design.control()) {
            let figure = (|| {
                let look = sample.look(arm)?;
                let sequence = levels.sequence(&sample)?;
                let interval = sequence.interval(&look.estimate, look.units)?;
                evidences.push(sequence.e_value(&look.estimate, look.units, 0.0));
                Some(SecondaryFigures {
                    metric,
                    arm,
                    difference: look.estimate.value,
                    low: interval.lower,
                    high: interval.upper,
                    discovered: false,
                })
            })();
            figures.extend(figure);
        }
    }
    let discovered = e_benjamini_hochberg(&evidences, levels.alpha);
    for (figure, discovered) in figures.iter_mut().zip(discovered) {
        figure.discovered = discovered;
    }
    figures
}
