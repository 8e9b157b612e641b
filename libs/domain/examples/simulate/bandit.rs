//! Two equal arms whose weights follow Thompson sampling while engagement moves for both.

use crate::{
    aa::{ALPHA, DAYS, POSTS_A_DAY},
    audience::{AUDIENCES, Audience, Weight, rate_of},
    harness::{Goal, Report, sums},
};
use domain::statistics::{
    aipw::{AdaptiveUnit, Aipw},
    assign::BASIS_POINTS,
    bayes::{MeanPrior, Posterior},
    distributions::normal_cdf,
    moments::Moments,
    seeds::Seeded,
    sequence::{MINIMUM_EFFECTIVE_UNITS, Sequence, Sides},
    thompson::apportion,
};
use std::f64::consts::TAU;

#[derive(Clone, Copy)]
pub enum Trend {
    Flat,
    Weekly,
    Doubling,
}

pub const TRENDS: [Trend; 3] = [Trend::Flat, Trend::Weekly, Trend::Doubling];

/// Floors in basis points with the goal of each.
pub const FLOORS: [(u32, f64); 2] = [(2_000, 0.05), (1_000, 0.065)];

impl Trend {
    fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Weekly => "weekly cycle of ± 50 %",
            Self::Doubling => "doubling in 28 days",
        }
    }

    pub fn rate(self, day: usize) -> f64 {
        let day = day as f64;
        match self {
            Self::Flat => 0.04,
            Self::Weekly => 0.04 * (1.0 + 0.5 * (TAU * day / 7.0).sin()),
            Self::Doubling => 0.04 * 2_f64.powf(day / 27.0),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Cell {
    pub audience: Audience,
    pub posts_a_day: usize,
    pub trend: Trend,
    pub floor: u32,
}

impl Cell {
    pub fn name(&self) -> String {
        format!(
            "floor {} %, {}, {}, {} posts an arm a day",
            self.floor / 100,
            self.trend.name(),
            self.audience.name(),
            self.posts_a_day
        )
    }
}

/// Whether any look finds a difference: by the product's scores, by the arms' plain means.
fn run(seeded: &mut Seeded, cell: Cell) -> [f64; 2] {
    let posts = 2 * cell.posts_a_day;
    let sequence = Sequence::new(ALPHA, Sides::Two, (posts * DAYS) as f64);
    let (Some(sequence), Some(mut scores)) = (sequence, Aipw::new(2, 0)) else {
        return [0.0; 2];
    };
    let mut weights = vec![BASIS_POINTS / 2; 2];
    let mut reach = [Weight::default(); 2];
    let mut found = [false; 2];
    for day in 0..DAYS {
        for _ in 0..posts {
            let arm = usize::from(seeded.below(BASIS_POINTS as usize) >= weights[0] as usize);
            let post = cell.audience.post(seeded, cell.trend.rate(day));
            reach[arm].push(post.denominator);
            scores.push(&AdaptiveUnit {
                arm,
                probability: f64::from(weights[arm]) / f64::from(BASIS_POINTS),
                outcome: rate_of(&post),
            });
        }
        let observed = [0, 1].map(|arm| scores.observed(arm).copied().unwrap_or_default());
        let enough = |arm: usize| {
            reach[arm].effective().min(scores.effective_units(arm)) >= MINIMUM_EFFECTIVE_UNITS
        };
        if enough(0) && enough(1) {
            let plain = observed[1]
                .estimate()
                .zip(observed[0].estimate())
                .and_then(|(one, other)| one.minus(&other));
            for (found, difference) in found.iter_mut().zip([scores.difference(1), plain]) {
                *found |= difference
                    .and_then(|it| sequence.interval(&it, scores.units() as f64))
                    .is_some_and(|interval| !interval.contains(0.0));
            }
        }
        if let Some(next) = next_weights(&observed, cell.floor) {
            weights = next;
        }
    }
    found.map(|found| f64::from(u8::from(found)))
}

/// P(best) of two posteriors, taken as normal, with the floor.
fn next_weights(observed: &[Moments; 2], floor: u32) -> Option<Vec<u32>> {
    let pooled = observed[0].merge(&observed[1]);
    let prior = MeanPrior::weak(pooled.mean()?, pooled.variance()?.sqrt());
    let spread = |arm: &Moments| match prior.posterior(arm)? {
        Posterior::Student {
            location, scale, ..
        } => Some((location, scale)),
        Posterior::Beta { .. } => None,
    };
    let best = best_of_two(spread(&observed[0])?, spread(&observed[1])?);
    apportion(&[1.0 - best, best], floor)
}

/// Probability that the second of two normals (mean, sd) is the larger one.
pub fn best_of_two((none, wide): (f64, f64), (one, narrow): (f64, f64)) -> f64 {
    normal_cdf((one - none) / wide.hypot(narrow))
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Equal arms under Thompson sampling, AIPW, 28 daily looks",
        "Mean of per-post rate; twice the posts an arm a day are shared out by the weights, which move daily by P(best) (its normal \
         approximation). Beside the product's scores: the same sequence on the arms' plain means, which is what ignoring the weights does.",
    );
    for (floor, goal) in FLOORS {
        for trend in TRENDS {
            for audience in AUDIENCES {
                for posts_a_day in POSTS_A_DAY {
                    let cell = Cell {
                        audience,
                        posts_a_day,
                        trend,
                        floor,
                    };
                    let name = cell.name();
                    let found = sums(&format!("bandit {name}"), runs, |seeded| run(seeded, cell));
                    let runs = runs as f64;
                    report.rate(format!("AIPW: {name}"), found[0], runs, Goal::AtMost(goal));
                    report.rate(format!("*plain means*: {name}"), found[1], runs, Goal::None);
                }
            }
        }
    }
    report
}
