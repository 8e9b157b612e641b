//! Two equal arms under fixed weights, looked at daily.

use crate::{
    audience::{AUDIENCES, Audience, Weight, rate_of},
    harness::{Goal, Report, sums},
};
use domain::statistics::{
    Estimate,
    caution::cautious_pair,
    moments::Moments,
    proportion::{Proportion, pooled_z_test},
    ratio::{Leverage, RatioUnit, ratio},
    seeds::Seeded,
    sequence::{MINIMUM_EFFECTIVE_UNITS, Sequence, Sides, units_of_pair},
};

pub const DAYS: usize = 28;
pub const ALPHA: f64 = 0.05;
pub const POSTS_A_DAY: [usize; 4] = [1, 2, 5, 20];

#[derive(Default)]
struct Arm {
    posts: Vec<RatioUnit>,
    rates: Moments,
    weight: Weight,
    impressions: Proportion,
}

impl Arm {
    fn push(&mut self, post: RatioUnit) {
        self.rates.push(rate_of(&post));
        self.weight.push(post.denominator);
        self.impressions.successes += post.numerator as u64;
        self.impressions.trials += post.denominator as u64;
        self.posts.push(post);
    }
}

/// The difference as the evaluation looks at it: both with the least variance of unequal arms.
fn excludes(sequence: &Sequence, one: (Estimate, f64), other: (Estimate, f64), units: f64) -> bool {
    cautious_pair((&one.0, one.1), (&other.0, other.1))
        .and_then(|(one, other)| one.minus(&other))
        .and_then(|difference| sequence.interval(&difference, units))
        .is_some_and(|interval| !interval.contains(0.0))
}

/// Whether any look finds a difference: by Mean, by Ratio, by pooled impressions.
fn run(seeded: &mut Seeded, audience: Audience, posts_a_day: usize) -> [f64; 3] {
    let planned = (posts_a_day * DAYS) as f64;
    let sequence = Sequence::new(ALPHA, Sides::Two, units_of_pair(planned, planned));
    let Some(sequence) = sequence else {
        return [0.0; 3];
    };
    let mut arms = [Arm::default(), Arm::default()];
    let mut found = [false; 3];
    for _ in 0..DAYS {
        for arm in &mut arms {
            (0..posts_a_day).for_each(|_| arm.push(audience.post(seeded, 0.04)));
        }
        let [one, other] = &arms;
        found[2] |= pooled_z_test(one.impressions, other.impressions)
            .is_some_and(|test| test.p_value <= ALPHA);
        let effective = [one.weight.effective(), other.weight.effective()];
        if effective[0].min(effective[1]) < MINIMUM_EFFECTIVE_UNITS {
            continue;
        }
        let counts = [one.posts.len() as f64, other.posts.len() as f64];
        let units = units_of_pair(counts[0], counts[1]);
        if let (false, Some(first), Some(second)) =
            (found[0], one.rates.estimate(), other.rates.estimate())
        {
            found[0] = excludes(&sequence, (first, counts[0]), (second, counts[1]), units);
        }
        if !found[1]
            && let (Some(first), Some(second)) = (
                ratio(&one.posts, Leverage::Hc3),
                ratio(&other.posts, Leverage::Hc3),
            )
        {
            found[1] = excludes(
                &sequence,
                (first, effective[0]),
                (second, effective[1]),
                units,
            );
        }
    }
    found.map(|found| f64::from(u8::from(found)))
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Equal arms, Sequential, 28 daily looks",
        "Share of runs in which any look finds a difference, in either direction, at α = 5 %. Mean and Ratio are the product's \
         metrics; pooled impressions compares the sums of all impressions with a z test at each look, which the product refuses to do.",
    );
    for audience in AUDIENCES {
        for posts_a_day in POSTS_A_DAY {
            let cell = format!("{}, {posts_a_day} posts an arm a day", audience.name());
            let found = sums(&format!("aa {cell}"), runs, |seeded| {
                run(seeded, audience, posts_a_day)
            });
            let goals = [
                ("Mean", Goal::AtMost(ALPHA)),
                ("Ratio", Goal::AtMost(ALPHA)),
                ("*pooled impressions*", Goal::None),
            ];
            for ((metric, goal), found) in goals.into_iter().zip(found) {
                report.rate(format!("{metric}: {cell}"), found, runs as f64, goal);
            }
        }
    }
    report
}
