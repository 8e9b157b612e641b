//! Error rates by simulation, small enough for every test run; the large ones are `cargo xtask bench experiments`.
#![allow(clippy::unwrap_used)]

use domain::statistics::aipw::{AdaptiveUnit, Aipw};
use domain::statistics::bayes::{MeanPrior, Posterior};
use domain::statistics::caution::cautious_pair;
use domain::statistics::moments::Moments;
use domain::statistics::proportion::{Proportion, wilson_interval};
use domain::statistics::ratio::{Leverage, RatioUnit, ratio};
use domain::statistics::seeds::Seeded;
use domain::statistics::sequence::{MINIMUM_EFFECTIVE_UNITS, Sequence, Sides, units_of_pair};
use domain::statistics::srm::{LEVEL, SampleRatio};
use domain::statistics::thompson::apportion;
use domain::statistics::{Estimate, welch};

const DAYS: usize = 28;

/// How an arm's posts become its estimate.
type Estimator = fn(&[RatioUnit]) -> Option<Estimate>;

/// The rate is above the goal beyond doubt: the lower end of its 99 % Wilson interval is.
fn exceeds(found: u64, runs: u64, goal: f64) -> bool {
    wilson_interval(
        Proportion {
            successes: found,
            trials: runs,
        },
        0.01,
    )
    .unwrap()
    .lower
        > goal
}

/// A post whose reach is log-normal with log-sd 1.5, and whose rate rises with reach.
fn post(seeded: &mut Seeded, rate: f64) -> RatioUnit {
    let reach = seeded.log_normal(500_f64.ln(), 1.5).round().max(1.0);
    let rate = (rate * (reach / 500.0).powf(0.3)).min(0.9);
    let engagements = seeded.binomial(reach as u64, rate);
    RatioUnit {
        numerator: engagements as f64,
        denominator: reach,
    }
}

fn mean_of_rates(posts: &[RatioUnit]) -> Option<Estimate> {
    posts
        .iter()
        .map(|post| post.numerator / post.denominator)
        .collect::<Moments>()
        .estimate()
}

/// Whether any of 28 daily looks at two equal arms excludes zero.
fn finds_a_difference(seeded: &mut Seeded, posts_a_day: usize, estimate: Estimator) -> bool {
    let sequence = Sequence::new(0.05, Sides::Two, (posts_a_day * DAYS) as f64 / 2.0).unwrap();
    let (mut one, mut other) = (Vec::new(), Vec::new());
    (1..=DAYS).any(|_| {
        for _ in 0..posts_a_day {
            one.push(post(seeded, 0.04));
            other.push(post(seeded, 0.04));
        }
        let units = one.len() as f64;
        let difference = estimate(&one)
            .zip(estimate(&other))
            .and_then(|(one, other)| one.minus(&other));
        units >= MINIMUM_EFFECTIVE_UNITS
            && difference
                .and_then(|difference| sequence.interval(&difference, units_of_pair(units, units)))
                .is_some_and(|interval| !interval.contains(0.0))
    })
}

#[test]
fn equal_arms_win_in_at_most_five_per_cent_of_runs_over_28_looks() {
    let mut seeded = Seeded::from_u64(1);
    let runs = 1_000;
    let estimates: [Estimator; 2] = [mean_of_rates, |posts| ratio(posts, Leverage::Hc3)];
    for posts_a_day in [1, 5] {
        for estimate in estimates {
            let found = (0..runs)
                .filter(|_| finds_a_difference(&mut seeded, posts_a_day, estimate))
                .count();
            assert!(
                !exceeds(found as u64, runs, 0.05),
                "{found} of {runs} at {posts_a_day} posts a day"
            );
        }
    }
}

/// Ten posts a day whose rates double in 28 days, arms alike, weights by P(best) of pooled means with a floor.
fn bandit_run(seeded: &mut Seeded, floor: u32) -> (bool, bool) {
    let planned = 10 * DAYS;
    let sequence = Sequence::new(0.05, Sides::Two, planned as f64).unwrap();
    let mut aipw = Aipw::new(2, 0).unwrap();
    let mut weights = vec![5_000, 5_000];
    let (mut weighted, mut pooled) = (false, false);
    for day in 0..DAYS {
        for _ in 0..10 {
            let arm = usize::from(seeded.uniform() * 10_000.0 >= f64::from(weights[0]));
            let post = post(seeded, 0.04 * 2_f64.powf(day as f64 / 27.0));
            let outcome = post.numerator / post.denominator;
            let probability = f64::from(weights[arm]) / 10_000.0;
            aipw.push(&AdaptiveUnit {
                arm,
                probability,
                outcome,
            })
            .unwrap();
        }
        let excludes = |difference: Option<Estimate>, units: f64| {
            difference
                .and_then(|difference| sequence.interval(&difference, units))
                .is_some_and(|interval| !interval.contains(0.0))
        };
        let observed: Vec<Moments> = (0..2).map(|arm| *aipw.observed(arm).unwrap()).collect();
        if (0..2).all(|arm| aipw.effective_units(arm) >= MINIMUM_EFFECTIVE_UNITS) {
            weighted |= excludes(aipw.difference(1), aipw.units() as f64);
            let naive = observed[1]
                .estimate()
                .zip(observed[0].estimate())
                .and_then(|(one, other)| one.minus(&other));
            pooled |= excludes(naive, aipw.units() as f64);
        }
        weights = apportion(&shares(&observed), floor).unwrap();
    }
    (weighted, pooled)
}

/// P(arm 1 is the better one) by the normal approximation.
fn shares(observed: &[Moments]) -> Vec<f64> {
    let prior = MeanPrior::weak(0.05, 0.05);
    let spread = |moments| match prior.posterior(moments) {
        Some(Posterior::Student {
            location, scale, ..
        }) => (location, scale),
        _ => (0.0, 1.0),
    };
    let ((none, wide), (one, narrow)) = (spread(&observed[0]), spread(&observed[1]));
    let best = domain::statistics::distributions::normal_cdf((one - none) / wide.hypot(narrow));
    vec![1.0 - best, best]
}

#[test]
fn under_a_bandit_and_a_trend_only_weighted_scores_keep_their_error_rate() {
    let mut seeded = Seeded::from_u64(2);
    let runs = 1_000;
    let found: Vec<(bool, bool)> = (0..runs).map(|_| bandit_run(&mut seeded, 1_000)).collect();
    let weighted = found.iter().filter(|(weighted, _)| *weighted).count() as u64;
    let pooled = found.iter().filter(|(_, pooled)| *pooled).count() as u64;
    assert!(!exceeds(weighted, runs, 0.05), "{weighted} of {runs}");
    assert!(
        exceeds(pooled, runs, 0.15),
        "pooled arms: only {pooled} of {runs}, so this trend tests nothing"
    );
}

#[test]
fn a_daily_look_at_correct_counts_finds_no_mismatch() {
    let mut seeded = Seeded::from_u64(3);
    let runs = 5_000;
    let found = (0..runs)
        .filter(|_| {
            let mut test = SampleRatio::new(3);
            (0..DAYS).any(|day| {
                let weights = if day % 2 == 0 {
                    [0.2, 0.3, 0.5]
                } else {
                    [0.6, 0.1, 0.3]
                };
                let first = seeded.binomial(40, weights[0]);
                let second = seeded.binomial(40 - first, weights[1] / (1.0 - weights[0]));
                test.observe(&weights, &[first, second, 40 - first - second])
                    .unwrap()
                    < LEVEL
            })
        })
        .count();
    assert!(!exceeds(found as u64, runs, LEVEL), "{found} of {runs}");
}

#[test]
fn intervals_at_the_planned_number_cover_the_truth() {
    let mut seeded = Seeded::from_u64(4);
    let runs = 2_000;
    let missed = (0..runs)
        .filter(|_| {
            let mut arm = |shift: f64| -> Estimate {
                (0..120)
                    .map(|_| seeded.log_normal(0.0, 1.0) + shift)
                    .collect::<Moments>()
                    .estimate()
                    .unwrap()
            };
            let (treatment, control) = (arm(0.25), arm(0.0));
            !welch::welch_test(&treatment, &control, 0.05)
                .unwrap()
                .interval
                .contains(0.25)
        })
        .count();
    assert!(!exceeds(missed as u64, runs, 0.06), "{missed} of {runs}");
}

#[test]
fn credible_intervals_cover_a_truth_drawn_from_the_prior() {
    let mut seeded = Seeded::from_u64(5);
    let runs = 2_000;
    let prior = MeanPrior {
        mean: 1.0,
        strength: 2.0,
        shape: 3.0,
        rate: 4.0,
    };
    let missed = (0..runs)
        .filter(|_| {
            let variance = prior.rate / seeded.gamma(prior.shape).unwrap();
            let truth = prior.mean + (variance / prior.strength).sqrt() * seeded.normal();
            let data: Moments = (0..10)
                .map(|_| truth + variance.sqrt() * seeded.normal())
                .collect();
            !prior
                .posterior(&data)
                .unwrap()
                .credible_interval(0.05)
                .unwrap()
                .contains(truth)
        })
        .count();
    assert!(!exceeds(missed as u64, runs, 0.06), "{missed} of {runs}");
    let rate = missed as f64 / runs as f64;
    assert!(rate > 0.035, "far too wide: {missed} of {runs} missed");
}

/// Nine of ten units in the control, rates of one per cent: where a plain variance is zero half of the time.
#[test]
fn a_small_arm_does_not_lose_for_want_of_a_success() {
    let mut seeded = Seeded::from_u64(6);
    let runs = 1_000;
    let sequence = Sequence::new(0.05, Sides::Two, units_of_pair(560.0, 5_040.0)).unwrap();
    let mut found = (0, 0);
    for _ in 0..runs {
        let (mut small, mut large) = (Proportion::default(), Proportion::default());
        let (mut cautious, mut plain) = (false, false);
        for _ in 0..DAYS {
            for (arm, units) in [(&mut small, 20), (&mut large, 180)] {
                arm.trials += units;
                arm.successes += seeded.binomial(units, 0.01);
            }
            let units = units_of_pair(small.trials as f64, large.trials as f64);
            let excludes = |one: Estimate, other: Estimate| {
                let difference = one.minus(&other).unwrap();
                sequence
                    .interval(&difference, units)
                    .is_some_and(|interval| !interval.contains(0.0))
            };
            cautious |= excludes(small.estimate().unwrap(), large.estimate().unwrap());
            let unsmoothed = |arm: Proportion| {
                let rate = arm.rate().unwrap();
                Estimate::new(rate, rate * (1.0 - rate) / arm.trials as f64, f64::INFINITY).unwrap()
            };
            plain |= excludes(unsmoothed(small), unsmoothed(large));
        }
        found = (found.0 + u64::from(cautious), found.1 + u64::from(plain));
    }
    assert!(!exceeds(found.0, runs, 0.05), "{found:?} of {runs}");
    assert!(
        exceeds(found.1, runs, 0.1),
        "{found:?} of {runs}: this tests nothing"
    );
}

#[test]
fn a_small_arm_with_a_long_tail_does_not_lose_for_its_variance() {
    let mut seeded = Seeded::from_u64(7);
    let runs = 600;
    let sequence = Sequence::new(0.05, Sides::Two, units_of_pair(112.0, 1_008.0)).unwrap();
    let mut found = (0, 0);
    for _ in 0..runs {
        let mut arms = [Moments::new(); 2];
        let (mut cautious, mut plain) = (false, false);
        for _ in 0..DAYS {
            for unit in 0..40 {
                arms[usize::from(unit % 10 != 0)].push(seeded.log_normal(0.0, 1.5));
            }
            let units = arms.map(|arm| arm.count() as f64);
            if units[0] < MINIMUM_EFFECTIVE_UNITS {
                continue;
            }
            let excludes = |one: Estimate, other: Estimate| {
                let difference = one.minus(&other).unwrap();
                let interval = sequence.interval(&difference, units_of_pair(units[0], units[1]));
                interval.is_some_and(|interval| !interval.contains(0.0))
            };
            let [small, large] = arms.map(|arm| arm.estimate().unwrap());
            plain |= excludes(small, large);
            let (small, large) = cautious_pair((&small, units[0]), (&large, units[1])).unwrap();
            cautious |= excludes(small, large);
        }
        found = (found.0 + u64::from(cautious), found.1 + u64::from(plain));
    }
    assert!(!exceeds(found.0, runs, 0.05), "{found:?} of {runs}");
    assert!(
        exceeds(found.1, runs, 0.05),
        "{found:?} of {runs}: this tests nothing"
    );
}
