//! Two equal arms under a Ratio objective whose weights follow Thompson sampling while engagement moves for both.

use crate::{
    aa::{ALPHA, DAYS, POSTS_A_DAY},
    audience::{AUDIENCES, Weight, rate_of},
    bandit::{Cell, FLOORS, TRENDS, best_of_two},
    harness::{Goal, Report, sums},
};
use domain::statistics::{
    Estimate,
    aipw_ratio::AipwRatio,
    assign::BASIS_POINTS,
    bayes::MeanPrior,
    bayes::Posterior,
    moments::Moments,
    ratio::{Leverage, RatioUnit, ratio},
    seeds::Seeded,
    sequence::{MINIMUM_EFFECTIVE_UNITS, Sequence, Sides},
    thompson::apportion,
};

#[derive(Default)]
struct Arm {
    posts: Vec<RatioUnit>,
    rates: Moments,
    reach: Weight,
}

impl Arm {
    fn push(&mut self, post: RatioUnit) {
        self.rates.push(rate_of(&post));
        self.reach.push(post.denominator);
        self.posts.push(post);
    }
}

/// Whether any look finds a difference: by the product's scores, by the arms' plain ratios.
fn run(seeded: &mut Seeded, cell: Cell) -> [f64; 2] {
    let posts = 2 * cell.posts_a_day;
    let sequence = Sequence::new(ALPHA, Sides::Two, (posts * DAYS) as f64);
    let (Some(sequence), Some(mut scores)) = (sequence, AipwRatio::new(2, 0)) else {
        return [0.0; 2];
    };
    let mut weights = vec![BASIS_POINTS / 2; 2];
    let mut arms = [Arm::default(), Arm::default()];
    let mut found = [false; 2];
    for day in 0..DAYS {
        for _ in 0..posts {
            let arm = usize::from(seeded.below(BASIS_POINTS as usize) >= weights[0] as usize);
            let post = cell.audience.post(seeded, cell.trend.rate(day));
            arms[arm].push(post);
            scores.push(arm, f64::from(weights[arm]) / f64::from(BASIS_POINTS), post);
        }
        let plain = [0, 1].map(|arm: usize| ratio(&arms[arm].posts, Leverage::Hc3));
        let enough = |arm: usize| {
            arms[arm].reach.effective().min(scores.effective_units(arm)) >= MINIMUM_EFFECTIVE_UNITS
        };
        if enough(0) && enough(1) {
            let of_plain = plain[1]
                .zip(plain[0])
                .and_then(|(one, other)| one.minus(&other));
            for (found, difference) in found.iter_mut().zip([scores.difference(1), of_plain]) {
                *found |= difference
                    .and_then(|it| sequence.interval(&it, scores.units() as f64))
                    .is_some_and(|interval| !interval.contains(0.0));
            }
        }
        if let Some(next) = next_weights(&arms, &plain, cell.floor) {
            weights = next;
        }
    }
    found.map(|found| f64::from(u8::from(found)))
}

/// P(best) of what is believed of each ratio, taken as normal, with the floor; an arm without a ratio keeps the prior.
fn next_weights(arms: &[Arm; 2], plain: &[Option<Estimate>; 2], floor: u32) -> Option<Vec<u32>> {
    let pooled = arms[0].rates.merge(&arms[1].rates);
    let prior = MeanPrior::weak(pooled.mean()?, pooled.variance()?.sqrt());
    let spread = |plain: &Option<Estimate>| match plain {
        Some(estimate) => Some((estimate.value, estimate.standard_error())),
        None => match prior.posterior(&Moments::new())? {
            Posterior::Student {
                location, scale, ..
            } => Some((location, scale)),
            Posterior::Beta { .. } => None,
        },
    };
    let best = best_of_two(spread(&plain[0])?, spread(&plain[1])?);
    apportion(&[1.0 - best, best], floor)
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Equal arms under Thompson sampling, Ratio, 28 daily looks",
        "As the section before, with a Ratio as the objective: the sum of events over the sum of impressions. Beside the product's scores \
         (AIPW of numerator and denominator, delta method): the same sequence on the arms' plain ratios.",
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
                    let found = sums(&format!("bandit ratio {name}"), runs, |seeded| {
                        run(seeded, cell)
                    });
                    let runs = runs as f64;
                    report.rate(format!("AIPW: {name}"), found[0], runs, Goal::AtMost(goal));
                    report.rate(
                        format!("*plain ratios*: {name}"),
                        found[1],
                        runs,
                        Goal::None,
                    );
                }
            }
        }
    }
    report
}
