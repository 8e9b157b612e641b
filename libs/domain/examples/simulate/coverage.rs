//! Whether 95 % intervals cover the truth.

use crate::{
    aa::{ALPHA, DAYS},
    audience::{AUDIENCES, Audience, Weight, rate_of},
    harness::{Goal, Report, sums},
};
use domain::statistics::{
    Estimate, Interval,
    bayes::{BetaPrior, MeanPrior},
    caution::cautious_pair,
    moments::Moments,
    proportion::{Proportion, newcombe_interval},
    ratio::{Leverage, RatioUnit, ratio},
    seeds::Seeded,
    sequence::{MINIMUM_EFFECTIVE_UNITS, Sequence, Sides, units_of_pair},
    welch::welch_test,
};

const GOAL: Goal = Goal::AtLeast(0.94);
/// Effective units from which on the intervals of one look are held to the goal.
const ENOUGH: f64 = 100.0;

#[derive(Clone, Copy)]
enum Metric {
    Mean,
    Ratio(Leverage),
}

impl Metric {
    fn estimate(self, arm: &Arm) -> Option<Estimate> {
        match self {
            Self::Mean => arm.rates.estimate(),
            Self::Ratio(leverage) => ratio(&arm.posts, leverage),
        }
    }
}

#[derive(Default)]
struct Arm {
    posts: Vec<RatioUnit>,
    rates: Moments,
    weight: Weight,
}

impl Arm {
    fn push(&mut self, post: RatioUnit) {
        self.rates.push(rate_of(&post));
        self.weight.push(post.denominator);
        self.posts.push(post);
    }
}

fn covers(interval: Option<Interval>, truth: f64) -> bool {
    interval.is_some_and(|interval| interval.contains(truth))
}

fn as_number(held: bool) -> f64 {
    f64::from(u8::from(held))
}

/// Rates of treatment and control. Where rates rise with reach both are alike, because only then is the truth known exactly.
fn rates(audience: Audience) -> [f64; 2] {
    if audience.correlated {
        [0.04, 0.04]
    } else {
        [0.05, 0.04]
    }
}

/// [runs with enough effective units, covered by Mean, by Ratio] at one look.
fn fixed(seeded: &mut Seeded, audience: Audience, posts: usize) -> [f64; 3] {
    let rates = rates(audience);
    let arms = rates.map(|rate| {
        let mut arm = Arm::default();
        (0..posts).for_each(|_| arm.push(audience.post(seeded, rate)));
        arm
    });
    if arms.iter().any(|arm| arm.weight.effective() < ENOUGH) {
        return [0.0; 3];
    }
    let covered = |metric: Metric| {
        let interval = metric
            .estimate(&arms[0])
            .zip(metric.estimate(&arms[1]))
            .and_then(|(one, other)| welch_test(&one, &other, ALPHA));
        as_number(covers(interval.map(|it| it.interval), rates[0] - rates[1]))
    };
    [
        1.0,
        covered(Metric::Mean),
        covered(Metric::Ratio(Leverage::Hc1)),
    ]
}

fn fixed_proportions(seeded: &mut Seeded, units: u64) -> [f64; 1] {
    let [one, other] = [0.05, 0.04].map(|rate| Proportion {
        successes: seeded.binomial(units, rate),
        trials: units,
    });
    [as_number(covers(
        newcombe_interval(one, other, ALPHA),
        0.01,
    ))]
}

/// Whether every one of 28 daily looks covers, by Mean and by Ratio.
fn sequential(seeded: &mut Seeded, audience: Audience, posts_a_day: usize) -> [f64; 2] {
    let rates = rates(audience);
    let truth = rates[0] - rates[1];
    let planned = (posts_a_day * DAYS) as f64;
    let sequence = Sequence::new(ALPHA, Sides::Two, units_of_pair(planned, planned));
    let Some(sequence) = sequence else {
        return [0.0; 2];
    };
    let mut arms = [Arm::default(), Arm::default()];
    let mut covered = [true; 2];
    for _ in 0..DAYS {
        for (arm, rate) in arms.iter_mut().zip(rates) {
            (0..posts_a_day).for_each(|_| arm.push(audience.post(seeded, rate)));
        }
        let effective = [0, 1].map(|arm: usize| arms[arm].weight.effective());
        if effective[0].min(effective[1]) < MINIMUM_EFFECTIVE_UNITS {
            continue;
        }
        let count = arms[0].posts.len() as f64;
        for (covered, (metric, units)) in covered.iter_mut().zip([
            (Metric::Mean, [count; 2]),
            (Metric::Ratio(Leverage::Hc3), effective),
        ]) {
            *covered &= metric
                .estimate(&arms[0])
                .zip(metric.estimate(&arms[1]))
                .and_then(|(one, other)| cautious_pair((&one, units[0]), (&other, units[1])))
                .and_then(|(one, other)| one.minus(&other))
                .and_then(|it| sequence.interval(&it, units_of_pair(count, count)))
                .is_none_or(|interval| interval.contains(truth));
        }
    }
    covered.map(as_number)
}

fn sequential_proportions(seeded: &mut Seeded, units_a_day: u64) -> [f64; 1] {
    let planned = (units_a_day * DAYS as u64) as f64;
    let sequence = Sequence::new(ALPHA, Sides::Two, units_of_pair(planned, planned));
    let Some(sequence) = sequence else {
        return [0.0];
    };
    let mut arms = [Proportion::default(); 2];
    let always = (0..DAYS).all(|_| {
        for (arm, rate) in arms.iter_mut().zip([0.05, 0.04]) {
            arm.trials += units_a_day;
            arm.successes += seeded.binomial(units_a_day, rate);
        }
        let units = units_of_pair(arms[0].trials as f64, arms[1].trials as f64);
        let interval = arms[0]
            .estimate()
            .zip(arms[1].estimate())
            .and_then(|(one, other)| one.minus(&other))
            .and_then(|difference| sequence.interval(&difference, units));
        (arms[0].trials as f64) < MINIMUM_EFFECTIVE_UNITS
            || interval.is_none_or(|interval| interval.contains(0.01))
    });
    [as_number(always)]
}

fn credible_proportion(seeded: &mut Seeded, trials: u64) -> [f64; 1] {
    let truth = seeded.uniform();
    let data = Proportion {
        successes: seeded.binomial(trials, truth),
        trials,
    };
    let posterior = BetaPrior::default().posterior(data);
    [as_number(covers(
        posterior.and_then(|it| it.credible_interval(ALPHA)),
        truth,
    ))]
}

fn credible_mean(seeded: &mut Seeded, units: usize) -> [f64; 1] {
    let prior = MeanPrior::weak(0.04, 0.02);
    let variance = prior.rate / seeded.gamma(prior.shape).unwrap_or(1.0);
    let truth = prior.mean + (variance / prior.strength).sqrt() * seeded.normal();
    let data: Moments = (0..units)
        .map(|_| truth + variance.sqrt() * seeded.normal())
        .collect();
    let posterior = prior.posterior(&data);
    [as_number(covers(
        posterior.and_then(|it| it.credible_interval(ALPHA)),
        truth,
    ))]
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Coverage of 95 % intervals",
        "Of the difference of two arms, 5 % against 4 % (where rates rise with reach: two equal arms, whose difference is known exactly). \
         *Fixed*: one look at the planned number, counted where both arms have 100 effective units. *Sequential*: all 28 daily looks \
         must cover at once. *Credible*: the truth is drawn from the prior.",
    );
    for (audience, posts) in AUDIENCES.into_iter().zip([600, 2_400, 2_400]) {
        let name = format!("fixed, {posts} posts an arm, {}", audience.name());
        // A large sample costs as much as many small ones.
        let found = sums(&format!("coverage {name}"), runs, |seeded| {
            fixed(seeded, audience, posts)
        });
        for (metric, covered) in [("Mean", found[1]), ("Ratio", found[2])] {
            report.rate(format!("{metric}: {name}"), covered, found[0], GOAL);
        }
    }
    let mut one = |name: String, run: &(dyn Fn(&mut Seeded) -> [f64; 1] + Sync)| {
        let [found] = sums(&format!("coverage {name}"), runs, run);
        report.rate(name, found, runs as f64, GOAL);
    };
    one(
        "Proportion: fixed, 2,000 participants an arm".into(),
        &|it| fixed_proportions(it, 2_000),
    );
    one(
        "Proportion: sequential, 50 participants an arm a day".into(),
        &|it| sequential_proportions(it, 50),
    );
    one("Proportion: credible, 50 participants".into(), &|it| {
        credible_proportion(it, 50)
    });
    one("Proportion: credible, 1,000 participants".into(), &|it| {
        credible_proportion(it, 1_000)
    });
    one("Mean: credible, 10 units".into(), &|it| {
        credible_mean(it, 10)
    });
    one("Mean: credible, 100 units".into(), &|it| {
        credible_mean(it, 100)
    });
    for audience in AUDIENCES {
        for posts_a_day in [5, 20] {
            let name = format!(
                "sequential, {posts_a_day} posts an arm a day, {}",
                audience.name()
            );
            let found = sums(&format!("coverage {name}"), runs, |seeded| {
                sequential(seeded, audience, posts_a_day)
            });
            for (metric, covered) in [("Mean", found[0]), ("Ratio", found[1])] {
                report.rate(format!("{metric}: {name}"), covered, runs as f64, GOAL);
            }
        }
    }
    report
}
