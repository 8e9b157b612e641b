//! One metric over the matured units: estimates of arms and of differences, by the way in which units were assigned.

use crate::{
    experiment::{Allocation, Design, Evidence, MaturedUnit, MetricKind, Outcome},
    statistics::{
        Estimate,
        aipw::{AdaptiveUnit, Aipw},
        aipw_ratio::AipwRatio,
        bayes::{BetaPrior, MeanPrior, Posterior},
        caution::cautious_pair,
        cuped::{CupedUnit, adjust},
        moments::Moments,
        proportion::Proportion,
        ratio::{Leverage, RatioUnit, ratio},
        sequence::units_of_pair,
    },
};
use std::cell::OnceCell;

/// What the units say of one metric.
pub(super) struct Sample {
    kind: MetricKind,
    control: usize,
    arms: Vec<ArmSample>,
    adaptive: Option<Adaptive>,
}

#[derive(Default)]
struct ArmSample {
    /// Of each unit's own value: its rate, or 0 and 1.
    values: Moments,
    successes: u64,
    /// Kept for a Ratio alone, whose variance needs every unit.
    units: Vec<RatioUnit>,
    /// Σx and Σx² of the denominator.
    weight: f64,
    squares: f64,
    /// Of a Ratio with fixed weights, which goes through every unit; asked for many times.
    ratio: OnceCell<Option<Estimate>>,
}

impl ArmSample {
    fn ratio(&self) -> Option<Estimate> {
        *self.ratio.get_or_init(|| ratio(&self.units, Leverage::Hc3))
    }
}

/// Scores under moving weights.
enum Adaptive {
    Mean(Aipw),
    Ratio(AipwRatio),
}

/// The difference of an arm and the control, with the units that a sequence counts.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub estimate: Estimate,
    pub units: f64,
}

impl Sample {
    pub(super) fn new(design: &Design, kind: MetricKind) -> Self {
        Self {
            kind,
            control: design.control(),
            arms: (0..design.arms.len())
                .map(|_| ArmSample::default())
                .collect(),
            adaptive: adaptive(design, kind),
        }
    }

    /// Goes through all units; values are not adjusted by what was known before assignment.
    pub(super) fn collect(
        design: &Design,
        evidence: &Evidence,
        kind: MetricKind,
        outcome: impl Fn(&MaturedUnit) -> Outcome,
    ) -> Self {
        let mut sample = Self::new(design, kind);
        sample.take(&evidence.units, None, outcome);
        sample
    }

    /// The next units in the order of maturity; `adjusted` holds a value for each where covariates give one.
    pub(super) fn take(
        &mut self,
        units: &[MaturedUnit],
        adjusted: Option<&[f64]>,
        outcome: impl Fn(&MaturedUnit) -> Outcome,
    ) {
        for (index, unit) in units.iter().enumerate() {
            let outcome = bounded(outcome(unit));
            let plain = match self.kind {
                MetricKind::Proportion => f64::from(u8::from(outcome.y > 0.0)),
                MetricKind::Mean | MetricKind::Ratio => outcome.rate(),
            };
            let value = adjusted
                .and_then(|values| values.get(index).copied())
                .unwrap_or(plain);
            self.push(unit, outcome, value);
        }
    }

    fn push(&mut self, unit: &MaturedUnit, outcome: Outcome, value: f64) {
        let index = usize::from(unit.arm);
        let Some(arm) = self.arms.get_mut(index) else {
            return;
        };
        arm.values.push(value);
        arm.successes += u64::from(outcome.y > 0.0);
        arm.weight += outcome.x;
        arm.squares += outcome.x * outcome.x;
        let parts = RatioUnit {
            numerator: outcome.y,
            denominator: outcome.x,
        };
        if self.kind == MetricKind::Ratio {
            arm.units.push(parts);
        }
        match &mut self.adaptive {
            Some(Adaptive::Mean(scores)) => {
                scores.push(&AdaptiveUnit {
                    arm: index,
                    probability: unit.probability,
                    outcome: value,
                });
            }
            Some(Adaptive::Ratio(scores)) => {
                scores.push(index, unit.probability, parts);
            }
            None => {}
        }
    }

    pub(super) fn count(&self, arm: usize) -> u64 {
        self.arms[arm].values.count()
    }

    pub(super) fn is_adaptive(&self) -> bool {
        self.adaptive.is_some()
    }

    /// (Σx)²/Σx² of the denominator; under moving weights no more than (Σ1/p)²/Σ1/p².
    pub(super) fn effective_units(&self, arm: usize) -> f64 {
        let own = &self.arms[arm];
        let by_weight = if own.squares > 0.0 {
            own.weight * own.weight / own.squares
        } else {
            0.0
        };
        match &self.adaptive {
            Some(Adaptive::Mean(scores)) => by_weight.min(scores.effective_units(arm)),
            Some(Adaptive::Ratio(scores)) => by_weight.min(scores.effective_units(arm)),
            None => by_weight,
        }
    }

    /// The arm's figure.
    pub(super) fn mean(&self, arm: usize) -> Option<Estimate> {
        match &self.adaptive {
            Some(Adaptive::Mean(scores)) => scores.mean(arm),
            Some(Adaptive::Ratio(scores)) => scores.ratio(arm),
            None => self.fixed_mean(arm, Leverage::Hc3),
        }
    }

    fn fixed_mean(&self, arm: usize, leverage: Leverage) -> Option<Estimate> {
        let own = &self.arms[arm];
        match self.kind {
            MetricKind::Mean => own.values.estimate(),
            MetricKind::Proportion => self.proportion(arm).estimate(),
            MetricKind::Ratio if leverage == Leverage::Hc3 => own.ratio(),
            MetricKind::Ratio => ratio(&own.units, leverage),
        }
    }

    pub(super) fn proportion(&self, arm: usize) -> Proportion {
        Proportion {
            successes: self.arms[arm].successes,
            trials: self.count(arm),
        }
    }

    /// Plain estimates of an arm and the control for a single look at a fixed number.
    pub(super) fn pair_at_one_look(&self, arm: usize) -> Option<(Estimate, Estimate)> {
        Some((
            self.fixed_mean(arm, Leverage::Hc1)?,
            self.fixed_mean(self.control, Leverage::Hc1)?,
        ))
    }

    /// Arm − control as a sequence looks at it.
    pub(super) fn look(&self, arm: usize) -> Option<Look> {
        match &self.adaptive {
            Some(Adaptive::Mean(scores)) => Some(Look {
                estimate: scores.difference(arm)?,
                units: scores.units() as f64,
            }),
            Some(Adaptive::Ratio(scores)) => Some(Look {
                estimate: scores.difference(arm)?,
                units: scores.units() as f64,
            }),
            None => self.fixed_look(arm),
        }
    }

    fn fixed_look(&self, arm: usize) -> Option<Look> {
        let (treatment, control) = (self.mean(arm)?, self.mean(self.control)?);
        let counts = (self.count(arm) as f64, self.count(self.control) as f64);
        let (treatment, control) = match self.kind {
            MetricKind::Proportion => (treatment, control),
            MetricKind::Mean => cautious_pair((&treatment, counts.0), (&control, counts.1))?,
            MetricKind::Ratio => cautious_pair(
                (&treatment, self.effective_units(arm)),
                (&control, self.effective_units(self.control)),
            )?,
        };
        Some(Look {
            estimate: treatment.minus(&control)?,
            units: units_of_pair(counts.0, counts.1),
        })
    }

    /// What a look will count when every arm has `planned` units.
    pub(super) fn planned(&self, planned: f64) -> f64 {
        match self.adaptive {
            Some(_) => planned * self.arms.len() as f64,
            None => units_of_pair(planned, planned),
        }
    }

    /// What is believed of each arm from its own units alone: for weights and for P(best), not for error rates.
    pub(super) fn beliefs(&self) -> Option<Vec<Posterior>> {
        let pooled = self
            .arms
            .iter()
            .fold(Moments::new(), |all, arm| all.merge(&arm.values));
        let sd = pooled.variance()?.sqrt();
        let prior = MeanPrior::weak(pooled.mean()?, if sd > 0.0 { sd } else { 1e-9 });
        (0..self.arms.len())
            .map(|arm| match self.kind {
                MetricKind::Proportion => BetaPrior::default().posterior(self.proportion(arm)),
                MetricKind::Mean => prior.posterior(&self.arms[arm].values),
                MetricKind::Ratio => self.arms[arm]
                    .ratio()
                    .and_then(|it| {
                        Posterior::student(it.value, it.standard_error(), it.degrees_of_freedom)
                    })
                    .or_else(|| prior.posterior(&Moments::new())),
            })
            .collect()
    }
}

fn adaptive(design: &Design, kind: MetricKind) -> Option<Adaptive> {
    let (arms, control) = (design.arms.len(), design.control());
    match (design.allocation, kind) {
        (Allocation::Fixed, _) => None,
        (Allocation::Bandit { .. }, MetricKind::Ratio) => {
            AipwRatio::new(arms, control).map(Adaptive::Ratio)
        }
        (Allocation::Bandit { .. }, _) => Aipw::new(arms, control).map(Adaptive::Mean),
    }
}

/// Outcomes come from outside: what is negative or no number is nothing, what is absurd is the largest that is taken.
fn bounded(outcome: Outcome) -> Outcome {
    let within = |value: f64| {
        if value.is_finite() {
            value.clamp(0.0, 1e12)
        } else {
            0.0
        }
    };
    Outcome {
        y: within(outcome.y),
        x: within(outcome.x),
    }
}

/// Each unit's rate, adjusted by the covariates of the design; none where it has none, or another metric.
pub(super) fn adjusted(design: &Design, evidence: &Evidence) -> Option<Vec<f64>> {
    if design.covariates.is_empty() || design.metric.kind != MetricKind::Mean {
        return None;
    }
    let units: Vec<CupedUnit> = evidence
        .units
        .iter()
        .map(|unit| CupedUnit {
            arm: usize::from(unit.arm),
            outcome: bounded(unit.objective).rate(),
            covariates: unit.covariates.clone(),
        })
        .collect();
    adjust(&units).map(|cuped| cuped.adjusted)
}
