//! The A/A canary: what the experiment's own analysis finds where there is nothing to find.
//!
//! The persona's own matured units are given arms at random, many times over; whatever wins then is a false winner. It is a
//! resampling of what was observed (a permutation, R. A. Fisher 1935), not a run of new units: it catches an analysis that
//! does not fit the persona's data, and says nothing about assignment or measurement.

use super::{
    Allocation, ArmCounts, Design, EpochCounts, Evaluation, Evidence, MaturedUnit, Stopping,
    Verdict, WeightEpoch,
};
use crate::statistics::{
    Interval,
    proportion::{Proportion, wilson_interval},
    seeds::Seeded,
};
use serde::{Deserialize, Serialize};

/// Newest units that are relabelled; more would say little more and take long.
const UNITS_MAX: usize = 400;
/// Fewer units than this an arm say nothing.
const UNITS_MIN: usize = 10;
/// Looks of one run, evenly spaced in the order of maturity: whoever peeks is tested as one who peeks.
const LOOKS: usize = 7;
/// Error rate of the interval.
const ALPHA: f64 = 0.05;

/// How often a winner was found among equals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    pub runs: u64,
    pub false_winners: u64,
    /// Units that were relabelled.
    pub units: u64,
    pub rate: f64,
    /// Wilson interval of the rate at 95 %.
    pub low: f64,
    pub high: f64,
    /// Always true: a resampling of what was observed.
    pub resampled: bool,
}

/// Relabels `units` (in the order of maturity) `runs` times with the design's first weights and looks with `evaluate`.
///
/// Deterministic in `seed`. None where there are too few units for the arms, or no runs.
pub fn resample(
    design: &Design,
    units: &[MaturedUnit],
    runs: u64,
    seed: u64,
    evaluate: impl Fn(&Design, &Evidence) -> Evaluation,
) -> Option<Canary> {
    let units = &units[units.len().saturating_sub(UNITS_MAX)..];
    if units.len() < UNITS_MIN * design.arms.len() {
        return None;
    }
    let design = unhurried(design);
    let mut draws = Seeded::from_u64(seed);
    let false_winners = (0..runs)
        .filter(|_| {
            let relabelled = relabel(&design, units, &mut draws);
            looks(units.len()).any(|n| {
                evaluate(&design, &evidence(&design, &relabelled[..n])).verdict == Verdict::Winner
            })
        })
        .count() as u64;
    let found = Proportion {
        successes: false_winners,
        trials: runs,
    };
    let Interval { lower, upper } = wilson_interval(found, ALPHA)?;
    Some(Canary {
        runs,
        false_winners,
        units: units.len() as u64,
        rate: found.rate()?,
        low: lower,
        high: upper,
        resampled: true,
    })
}

/// The same analysis without bounds of time and number, which the units have already met or missed.
fn unhurried(design: &Design) -> Design {
    Design {
        allocation: Allocation::Fixed,
        stopping: Stopping {
            max_seconds: i64::MAX / 4,
            ..Stopping::default()
        },
        ..design.clone()
    }
}

/// Numbers of units at which a run is looked at; the last one is all of them.
fn looks(units: usize) -> impl Iterator<Item = usize> {
    (1..=LOOKS).map(move |look| units * look / LOOKS)
}

fn relabel(design: &Design, units: &[MaturedUnit], draws: &mut Seeded) -> Vec<MaturedUnit> {
    units
        .iter()
        .map(|unit| {
            let (arm, weight_bp) = pick(design, draws.below(10_000) as u32);
            MaturedUnit {
                arm,
                epoch: 0,
                probability: f64::from(weight_bp) / 10_000.0,
                ..unit.clone()
            }
        })
        .collect()
}

/// The arm in whose share of the weights `point` (0 … 9,999) falls.
fn pick(design: &Design, point: u32) -> (u16, u32) {
    let mut upto = 0;
    for (arm, entry) in (0_u16..).zip(&design.arms) {
        upto += entry.weight_bp;
        if point < upto {
            return (arm, entry.weight_bp);
        }
    }
    (0, design.arms.first().map_or(1, |arm| arm.weight_bp))
}

fn evidence(design: &Design, units: &[MaturedUnit]) -> Evidence {
    let mut arms = vec![ArmCounts::default(); design.arms.len()];
    for unit in units {
        let Some(counts) = arms.get_mut(usize::from(unit.arm)) else {
            continue;
        };
        counts.assigned += 1;
        counts.exposed += u64::from(unit.published);
        counts.matured += 1;
        counts.lost += u64::from(!unit.published);
    }
    let first = units.first().map_or(0, |unit| unit.assigned_at);
    Evidence {
        started_at: first,
        now: units.last().map_or(first, |unit| unit.matured_at),
        epochs: vec![WeightEpoch {
            number: 0,
            since: first,
            weights_bp: design.arms.iter().map(|arm| arm.weight_bp).collect(),
        }],
        counts: vec![EpochCounts { epoch: 0, arms }],
        units: units.to_vec(),
        missing: vec![0; design.arms.len()],
        ..Evidence::default()
    }
}
