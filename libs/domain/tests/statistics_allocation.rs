//! Assignment, its checks, posteriors and bandits: known answers, and agreement between methods.
#![allow(clippy::unwrap_used)]

use domain::statistics::Direction;
use domain::statistics::aipw::{AdaptiveUnit, Aipw, Stratum, stratified_difference};
use domain::statistics::aipw_ratio::AipwRatio;
use domain::statistics::assign::{assign, position};
use domain::statistics::bayes::{
    BetaPrior, DEFAULT_DRAWS, MeanPrior, Posterior, compare, probability_greater,
};
use domain::statistics::moments::Moments;
use domain::statistics::proportion::Proportion;
use domain::statistics::ratio::{Leverage, RatioUnit, ratio};
use domain::statistics::seeds::{Seeded, seed_of};
use domain::statistics::srm::SampleRatio;
use domain::statistics::thompson::{apportion, thompson_weights};
use rstest::rstest;
use uuid::Uuid;

/// One unit's arm under weights 5000/3000/2000, worked out with Python's `hmac`; a change here moves running experiments.
#[rstest]
#[case("post-1")]
#[case("post-2")]
#[case("participant@example.org")]
#[case("")]
fn a_unit_keeps_the_arm_that_its_hash_gives(#[case] unit: &str) {
    let experiment = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let (at, arm) = VECTORS
        .iter()
        .find(|(name, ..)| *name == unit)
        .map(|(_, at, arm)| (*at, *arm))
        .unwrap();
    assert_eq!(position(b"a stored key", experiment, unit), Some(at));
    let given = assign(b"a stored key", experiment, unit, &[5_000, 3_000, 2_000]).unwrap();
    assert_eq!(
        (given.arm, given.probability()),
        (arm, [0.5, 0.3, 0.2][arm])
    );
}

const VECTORS: [(&str, u64, usize); 4] = [
    ("post-1", 0xa430_aeb3_377e_e817, 1),
    ("post-2", 0x0a41_02dd_e0c7_8acd, 0),
    ("participant@example.org", 0xcad3_cc04_df8c_6780, 1),
    ("", 0xcf7d_9225_f946_6727, 2),
];

#[test]
fn assignment_follows_the_weights_and_never_gives_an_arm_of_weight_zero() {
    let weights = [1_000, 0, 9_000];
    let mut counts = [0_u32; 3];
    for unit in 0..20_000 {
        counts[assign(b"k", Uuid::nil(), &unit.to_string(), &weights)
            .unwrap()
            .arm] += 1;
    }
    assert_eq!(counts[1], 0);
    assert!((1_850..2_150).contains(&counts[0]), "{counts:?}");
}

#[test]
fn sampled_and_integrated_probabilities_agree() {
    let arms = [(51.0, 951.0), (61.0, 941.0)];
    let exact = probability_greater(arms[1], arms[0]).unwrap();
    let posteriors = arms.map(|(a, b)| Posterior::beta(a, b).unwrap());
    let comparison = compare(&posteriors, Direction::Increase, DEFAULT_DRAWS, 7).unwrap();
    assert_eq!(comparison.leader, 1);
    assert!(
        (comparison.arms[1].probability_best - exact).abs() < 0.01,
        "{comparison:?} against {exact}"
    );
    let (gain, loss) = (
        comparison.arms[0].expected_loss,
        comparison.arms[1].expected_loss,
    );
    // E[max − θ₀] − E[max − θ₁] is the difference of means, whatever the draws.
    assert!(
        (gain - loss - (61.0 - 51.0) / 1_002.0).abs() < 1e-5,
        "{gain} − {loss}"
    );
    assert_eq!(
        comparison,
        compare(&posteriors, Direction::Increase, DEFAULT_DRAWS, 7).unwrap()
    );
    let other = compare(&posteriors, Direction::Increase, DEFAULT_DRAWS, 8).unwrap();
    assert_ne!(
        comparison.arms[0].probability_best,
        other.arms[0].probability_best
    );
}

#[test]
fn arms_without_data_are_equally_likely_the_best() {
    let prior = MeanPrior::weak(0.04, 0.02)
        .posterior(&Moments::new())
        .unwrap();
    let comparison = compare(&[prior; 4], Direction::Decrease, DEFAULT_DRAWS, 3).unwrap();
    assert!(
        comparison
            .arms
            .iter()
            .all(|arm| (arm.probability_best - 0.25).abs() < 0.03),
        "{comparison:?}"
    );
    let certain = MeanPrior::weak(0.04, 0.0)
        .posterior(&Moments::new())
        .unwrap();
    let comparison = compare(&[certain; 2], Direction::Increase, 8, 3).unwrap();
    assert!(
        comparison
            .arms
            .iter()
            .all(|arm| arm.probability_best == 0.5 && arm.expected_loss == 0.0)
    );
}

#[test]
fn value_remaining_shrinks_as_the_leader_pulls_away() {
    let arm = |successes| {
        BetaPrior::default()
            .posterior(Proportion {
                successes,
                trials: 10_000,
            })
            .unwrap()
    };
    let remaining = |rival| {
        compare(
            &[arm(500), arm(rival)],
            Direction::Increase,
            DEFAULT_DRAWS,
            5,
        )
        .unwrap()
        .value_remaining
    };
    assert!(remaining(500) > 0.05);
    assert_eq!(remaining(300), 0.0);
}

#[rstest]
#[case(&[0.5, 0.5], 0, &[5_000, 5_000])]
#[case(&[1.0, 0.0], 200, &[9_800, 200])]
#[case(&[1.0, 1.0, 1.0], 0, &[3_334, 3_333, 3_333])]
#[case(&[0.0, 0.0, 0.0], 1_000, &[3_334, 3_333, 3_333])]
#[case(&[1.0, 0.0, 0.0], 9_999, &[3_334, 3_333, 3_333])]
#[case(&[f64::NAN, 1.0], 0, &[0, 10_000])]
fn shares_become_basis_points(#[case] shares: &[f64], #[case] floor: u32, #[case] weights: &[u32]) {
    assert_eq!(apportion(shares, floor).unwrap(), weights);
}

#[test]
fn thompson_weights_keep_the_floor() {
    let arm = |successes| {
        BetaPrior::default()
            .posterior(Proportion {
                successes,
                trials: 1_000,
            })
            .unwrap()
    };
    let weights = thompson_weights(
        &[arm(10), arm(100), arm(20)],
        Direction::Increase,
        1_000,
        1_024,
        1,
    )
    .unwrap();
    assert_eq!(weights, [1_000, 8_000, 1_000]);
}

#[test]
fn scores_undo_an_unequal_allocation_under_a_trend() {
    // Outcomes rise by one a unit and arms do not differ; the treatment is rare early and frequent late.
    let mut seeded = Seeded::from_u64(11);
    let mut sum = 0.0;
    let runs = 400;
    let mut pooled = 0.0;
    for _ in 0..runs {
        let mut aipw = Aipw::new(2, 0).unwrap();
        for unit in 0..100 {
            let probability = if unit < 50 { 0.2 } else { 0.8 };
            let arm = usize::from(seeded.uniform() < probability);
            let own = if arm == 1 {
                probability
            } else {
                1.0 - probability
            };
            aipw.push(&AdaptiveUnit {
                arm,
                probability: own,
                outcome: f64::from(unit),
            })
            .unwrap();
        }
        sum += aipw.difference(1).unwrap().value / f64::from(runs);
        let mean = |arm| aipw.observed(arm).unwrap().mean().unwrap();
        pooled += (mean(1) - mean(0)) / f64::from(runs);
    }
    assert!(sum.abs() < 1.0, "{sum}");
    assert!(pooled > 20.0, "{pooled}");
}

#[test]
fn strata_are_compared_within() {
    let arm = |values: &[f64]| values.iter().copied().collect::<Moments>();
    let early = Stratum {
        treatment: arm(&[1.0, 3.0]),
        control: arm(&[0.0, 1.0, 2.0]),
    };
    let late = Stratum {
        treatment: arm(&[11.0, 13.0, 12.0]),
        control: arm(&[10.0, 12.0]),
    };
    let lone = Stratum {
        treatment: arm(&[900.0]),
        control: arm(&[1.0, 2.0]),
    };
    let difference = stratified_difference(&[early, late, lone]).unwrap();
    assert_eq!(difference.value, 1.0);
    // Each stratum has variance 2/2 + 1/3 or 1/3 + 2/2 and half of the units.
    assert!((difference.variance - (4.0 / 3.0) / 2.0).abs() < 1e-12);
}

/// Σ over all outcomes of P(outcome | weights) · BF = 1: the Bayes factor is a test martingale, over epochs with other weights too.
#[test]
fn the_bayes_factor_of_a_ratio_has_expectation_one_across_epochs() {
    let binomial = |n: u64, k: u64, p: f64| {
        let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
        ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    };
    let (first, second) = (0.3, 0.8);
    let mut expectation = 0.0;
    for early in 0..=6 {
        for late in 0..=5 {
            let mut test = SampleRatio::new(2);
            test.observe(&[first, 1.0 - first], &[early, 6 - early])
                .unwrap();
            test.observe(&[second, 1.0 - second], &[late, 5 - late])
                .unwrap();
            let weight = binomial(6, early, first) * binomial(5, late, second);
            expectation += weight * test.bayes_factor();
        }
    }
    assert!((expectation - 1.0).abs() < 1e-10, "{expectation}");
}

#[test]
fn batches_of_one_epoch_count_as_one() {
    let (mut whole, mut parts) = (SampleRatio::new(2), SampleRatio::new(2));
    whole.observe(&[1.0, 3.0], &[75, 75]).unwrap();
    parts.observe(&[1.0, 3.0], &[25, 25]).unwrap();
    parts.observe(&[1.0, 3.0], &[50, 50]).unwrap();
    assert!((whole.bayes_factor() / parts.bayes_factor() - 1.0).abs() < 1e-9);
    assert_eq!(whole.expected(), [37.5, 112.5]);
    assert!(whole.is_mismatch());
}

#[test]
fn a_unit_in_an_arm_of_weight_zero_is_a_mismatch() {
    let mut test = SampleRatio::new(2);
    assert_eq!(test.observe(&[1.0, 0.0], &[5, 0]), Some(1.0));
    assert_eq!(test.observe(&[1.0, 0.0], &[5, 1]), Some(0.0));
    assert_eq!(test.observe(&[0.0, 0.0], &[5, 1]), None);
}

#[test]
fn seeds_are_stable() {
    let draws = |seed| {
        let mut seeded = Seeded::from_u64(seed);
        (
            seeded.uniform(),
            seeded.normal(),
            seeded.gamma(2.5).unwrap(),
            seeded.beta(2.0, 3.0).unwrap(),
            seeded.binomial(40, 0.3),
        )
    };
    assert_eq!(draws(1), draws(1));
    assert_ne!(draws(1), draws(2));
    assert_eq!(seed_of(b"inputs"), seed_of(b"inputs"));
    assert_eq!(Seeded::from_u64(1).gamma(-1.0), None);
    assert_eq!(Seeded::from_u64(1).binomial(10, f64::NAN), 0);
}

#[test]
fn ratios_of_scores_equal_plain_ratios_under_equal_allocation() {
    let mut seeded = Seeded::from_u64(12);
    let mut scored = AipwRatio::new(2, 0).unwrap();
    let mut units = [Vec::new(), Vec::new()];
    for index in 0..4_000 {
        let arm = index % 2;
        let denominator = seeded.log_normal(5.0, 0.8);
        let numerator = denominator * (0.1 + 0.02 * arm as f64) + 3.0 * seeded.normal();
        let unit = RatioUnit {
            numerator,
            denominator,
        };
        scored.push(arm, 0.5, unit).unwrap();
        units[arm].push(unit);
    }
    let plain = |arm: usize| ratio(&units[arm], Leverage::Hc1).unwrap();
    let (one, other) = (
        plain(1).minus(&plain(0)).unwrap(),
        scored.difference(1).unwrap(),
    );
    assert!((one.value - other.value).abs() < 0.003, "{one:?} {other:?}");
    assert!(
        (one.variance / other.variance - 1.0).abs() < 0.2,
        "{one:?} {other:?}"
    );
    let (plain, scored) = (plain(0), scored.ratio(0).unwrap());
    assert!(
        (plain.value - scored.value).abs() < 0.002,
        "{plain:?} {scored:?}"
    );
}

#[test]
fn summed_scores_equal_scores_written_out() {
    let mut seeded = Seeded::from_u64(13);
    let mut aipw = Aipw::new(3, 1).unwrap();
    let mut written = vec![Vec::new(); 3];
    for unit in 0..200 {
        let arm = seeded.below(3);
        let probability = 0.3 + 0.3 * seeded.uniform();
        let outcome = 100.0 + f64::from(unit) / 50.0 + seeded.normal();
        let score = aipw
            .push(&AdaptiveUnit {
                arm,
                probability,
                outcome,
            })
            .unwrap();
        if unit == 0 {
            continue;
        }
        for (other, scores) in written.iter_mut().enumerate() {
            scores.push(score.baseline + if other == arm { score.residual } else { 0.0 });
        }
    }
    let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
    for arm in [0, 2] {
        let plain = written[arm]
            .iter()
            .copied()
            .collect::<Moments>()
            .estimate()
            .unwrap();
        let summed = aipw.mean(arm).unwrap();
        assert!(
            near(summed.value, plain.value) && near(summed.variance, plain.variance),
            "{summed:?} {plain:?}"
        );
        let pairs = written[arm].iter().zip(&written[1]);
        let plain = pairs
            .map(|(own, control)| own - control)
            .collect::<Moments>()
            .estimate()
            .unwrap();
        let summed = aipw.difference(arm).unwrap();
        assert!(
            near(summed.value, plain.value) && near(summed.variance, plain.variance),
            "{summed:?} {plain:?}"
        );
    }
}
