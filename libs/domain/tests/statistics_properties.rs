//! What must hold of the statistics for any input: bounds, symmetries, and never NaN, whatever finite values come.
#![allow(clippy::unwrap_used)]

use domain::statistics::aipw::{AdaptiveUnit, Aipw, Stratum, stratified_difference};
use domain::statistics::aipw_ratio::AipwRatio;
use domain::statistics::bayes::{BetaPrior, MeanPrior, Posterior, compare, probability_greater};
use domain::statistics::caution::cautious_pair;
use domain::statistics::cuped::{CupedUnit, adjust};
use domain::statistics::moments::{Comoments, Moments, effective_units};
use domain::statistics::proportion::{
    Proportion, newcombe_interval, pooled_z_test, wilson_interval,
};
use domain::statistics::ratio::{Leverage, RatioUnit, ratio, relative_uplift};
use domain::statistics::sequence::{RunningP, Sequence, Sides, units_of_pair};
use domain::statistics::srm::SampleRatio;
use domain::statistics::thompson::{apportion, thompson_weights};
use domain::statistics::{Direction, Estimate, Interval, assign, multiple, power, welch};
use proptest::collection::vec;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use uuid::Uuid;

/// Any finite double, up to the largest.
fn absurd() -> impl Strategy<Value = f64> {
    prop_oneof![4 => POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, 4 => -10.0..10.0, 1 => Just(0.0), 1 => Just(f64::MAX)]
}

fn level() -> impl Strategy<Value = f64> {
    prop_oneof![0.001..0.5, Just(1e-12), Just(0.999)]
}

fn proportion() -> impl Strategy<Value = Proportion> {
    let trials = prop_oneof![0..30_u64, 0..1_000_000_u64, Just(u64::MAX)];
    (trials, 0.0..=1.0).prop_map(|(trials, share)| Proportion {
        successes: (trials as f64 * share) as u64,
        trials,
    })
}

fn estimate() -> impl Strategy<Value = Estimate> {
    (
        absurd(),
        absurd(),
        prop_oneof![1.0..1e3, Just(f64::INFINITY)],
    )
        .prop_filter_map("variance is not negative", |(value, variance, degrees)| {
            Estimate::new(value, variance.abs(), degrees)
        })
}

fn is_sound(interval: Option<Interval>) -> bool {
    interval.is_none_or(|interval| {
        interval.lower.is_finite() && interval.upper.is_finite() && interval.lower <= interval.upper
    })
}

fn is_sound_estimate(estimate: Option<Estimate>) -> bool {
    estimate.is_none_or(|estimate| {
        estimate.value.is_finite()
            && estimate.variance.is_finite()
            && estimate.degrees_of_freedom > 0.0
    })
}

fn is_probability(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn moments_of_absurd_values_are_finite_or_absent(values in vec(absurd(), 0..20)) {
        let moments: Moments = values.iter().copied().collect();
        prop_assert!(moments.mean().is_none_or(f64::is_finite));
        prop_assert!(moments.variance().is_none_or(|variance| variance.is_finite() && variance >= 0.0));
        prop_assert!(is_sound_estimate(moments.estimate()));
        let mut pairs = Comoments::new();
        values.windows(2).for_each(|pair| pairs.push(pair[0], pair[1]));
        prop_assert!(pairs.covariance().is_none_or(f64::is_finite));
        let effective = effective_units(values.iter().copied());
        prop_assert!(effective >= 0.0 && effective <= values.len() as f64 * (1.0 + 1e-12));
    }

    #[test]
    fn merged_moments_are_those_of_the_whole(first in vec(-1e3..1e3, 0..20), second in vec(-1e3..1e3, 0..20)) {
        let whole: Moments = first.iter().chain(&second).copied().collect();
        let merged = first.iter().copied().collect::<Moments>().merge(&second.iter().copied().collect());
        prop_assert_eq!(whole.count(), merged.count());
        for (one, other) in [(whole.mean(), merged.mean()), (whole.variance(), merged.variance())] {
            prop_assert!(one.zip(other).is_none_or(|(one, other)| (one - other).abs() <= 1e-9 * one.abs().max(1.0)));
        }
    }

    #[test]
    fn proportions_stay_in_bounds_and_mirror(one in proportion(), other in proportion(), alpha in level()) {
        if let Some(interval) = wilson_interval(one, alpha) {
            prop_assert!(is_probability(interval.lower) && is_probability(interval.upper));
            prop_assert!(interval.contains(one.rate().unwrap()));
        }
        if let Some(interval) = newcombe_interval(one, other, alpha) {
            prop_assert!(interval.lower >= -1.0 - 1e-12 && interval.upper <= 1.0 + 1e-12);
            let mirrored = newcombe_interval(other, one, alpha).unwrap();
            prop_assert!((interval.lower + mirrored.upper).abs() < 1e-12);
        }
        if let Some(test) = pooled_z_test(one, other) {
            prop_assert!(is_probability(test.p_value));
            prop_assert_eq!(test.p_value, pooled_z_test(other, one).unwrap().p_value);
        }
    }

    #[test]
    fn tests_of_absurd_estimates_are_sound(one in estimate(), other in estimate(), alpha in level(), critical in 0.0..50.0) {
        if let Some(test) = welch::welch_test(&one, &other, alpha) {
            prop_assert!(is_probability(test.p_value) && test.statistic.is_finite());
            prop_assert!(test.interval.contains(test.difference));
            prop_assert_eq!(test.interval.contains(0.0), test.p_value >= alpha);
        }
        prop_assert!(is_sound(relative_uplift(&one, &other, critical)));
        prop_assert!(is_sound_estimate(one.minus(&other)));
    }

    #[test]
    fn ratios_of_absurd_units_are_sound(units in vec((absurd(), absurd()), 0..12)) {
        let signed: Vec<_> =
            units.iter().map(|(numerator, denominator)| RatioUnit { numerator: *numerator, denominator: *denominator }).collect();
        let positive: Vec<_> =
            signed.iter().map(|unit| RatioUnit { denominator: unit.denominator.abs(), ..*unit }).collect();
        for leverage in [Leverage::Hc1, Leverage::Hc2, Leverage::Hc3] {
            prop_assert!(is_sound_estimate(ratio(&signed, leverage)));
            prop_assert!(is_sound_estimate(ratio(&positive, leverage)));
        }
    }

    #[test]
    fn sequences_are_sound_and_agree_with_their_p_value(
        look in estimate(), alpha in level(), planned in 1.0..1e6, share in 0.0..3.0, null in absurd()
    ) {
        for sides in [Sides::Two, Sides::One] {
            let sequence = Sequence::new(alpha, sides, planned).unwrap();
            let units = planned * share;
            let (p, e) = (sequence.p_value(&look, units, null), sequence.e_value(&look, units, null));
            prop_assert!(is_probability(p) && e >= 0.0 && e.is_finite());
            let interval = sequence.interval(&look, units);
            prop_assert!(is_sound(interval));
            prop_assert!(sequence.critical(units, look.degrees_of_freedom).is_none_or(|critical| critical > 0.0));
        }
    }

    #[test]
    fn a_sequence_excludes_zero_exactly_where_p_is_at_most_alpha(
        z in -8.0..8.0, degrees in 2.0..200.0, alpha in 0.001..0.3, share in 0.01..2.0
    ) {
        let look = Estimate::new(z, 1.0, degrees).unwrap();
        let two = Sequence::new(alpha, Sides::Two, 100.0).unwrap();
        let p = two.p_value(&look, 100.0 * share, 0.0);
        prop_assume!((p / alpha - 1.0).abs() > 1e-6);
        let holm = Sequence::new(alpha / 2.0, Sides::Two, 100.0).unwrap().at_level(alpha).unwrap();
        let other = holm.p_value(&look, 100.0 * share, 0.0);
        prop_assume!((other / alpha - 1.0).abs() > 1e-6);
        let tells = holm.interval(&look, 100.0 * share).is_some_and(|interval| !interval.contains(0.0));
        prop_assert_eq!(tells, other < alpha);
        let excludes = two.interval(&look, 100.0 * share).is_some_and(|interval| !interval.contains(0.0));
        prop_assert_eq!(excludes, p < alpha);
        let one = Sequence::new(alpha, Sides::One, 100.0).unwrap();
        let p = one.p_value(&look, 100.0 * share, 0.0);
        prop_assume!((p / alpha - 1.0).abs() > 1e-6);
        let excludes = one.interval(&look, 100.0 * share).is_some_and(|interval| interval.lower > 0.0);
        prop_assert_eq!(excludes, p < alpha);
    }

    #[test]
    fn one_sided_evidence_rises_with_the_difference(
        z in -30.0..30.0, step in 0.001..5.0, degrees in 2.0..200.0, share in 0.01..2.0
    ) {
        let one = Sequence::new(0.05, Sides::One, 100.0).unwrap();
        let e = |z: f64| one.e_value(&Estimate::new(z, 1.0, degrees).unwrap(), 100.0 * share, 0.0);
        prop_assert!(e(z) <= e(z + step) * (1.0 + 1e-9), "{} then {}", e(z), e(z + step));
        prop_assert!(z > 0.0 || e(z) <= 1.0);
    }

    #[test]
    fn posteriors_are_sound(data in proportion(), values in vec(absurd(), 0..8), mean in absurd(), sd in absurd(), alpha in level()) {
        let posteriors: Vec<Posterior> =
            [BetaPrior::default().posterior(data), MeanPrior::weak(mean, sd).posterior(&values.into_iter().collect())]
                .into_iter()
                .flatten()
                .collect();
        for posterior in &posteriors {
            prop_assert!(posterior.mean().is_finite());
            prop_assert!(is_sound(posterior.credible_interval(alpha)));
        }
        if let Some(comparison) = compare(&posteriors, Direction::Increase, 64, 1) {
            let total: f64 = comparison.arms.iter().map(|arm| arm.probability_best).sum();
            prop_assert!((total - 1.0).abs() < 1e-9);
            prop_assert!(comparison.arms.iter().all(|arm| arm.expected_loss >= 0.0 && arm.expected_loss.is_finite()));
            prop_assert!(comparison.value_remaining >= 0.0 && comparison.value_remaining.is_finite());
        }
    }

    #[test]
    fn either_beta_is_the_greater(one in (0.5..500.0, 0.5..500.0), other in (0.5..500.0, 0.5..500.0)) {
        let forth = probability_greater(one, other).unwrap();
        let back = probability_greater(other, one).unwrap();
        prop_assert!((forth + back - 1.0).abs() < 1e-7, "{forth} + {back}");
    }

    #[test]
    fn weights_sum_to_the_whole_above_the_floor(shares in vec(absurd(), 1..11), floor in 0..3_000_u32) {
        let weights = apportion(&shares, floor).unwrap();
        prop_assert_eq!(weights.iter().sum::<u32>(), assign::BASIS_POINTS);
        let least = floor.min(assign::BASIS_POINTS / shares.len() as u32);
        prop_assert!(weights.iter().all(|weight| *weight >= least));
    }

    #[test]
    fn thompson_prefers_the_better_arm(successes in 1..50_u64, more in 1..50_u64, seed in any::<u64>()) {
        let posterior = |successes| BetaPrior::default().posterior(Proportion { successes, trials: 100 }).unwrap();
        let arms = [posterior(successes), posterior(successes + more)];
        let weights = thompson_weights(&arms, Direction::Increase, 1_000, 1024, seed).unwrap();
        prop_assert!(weights[1] + 300 >= weights[0]);
        let turned = thompson_weights(&arms, Direction::Decrease, 1_000, 1024, seed).unwrap();
        prop_assert!(turned[0] + 300 >= turned[1]);
    }

    #[test]
    fn scores_of_absurd_units_are_sound(units in vec((0..4_usize, absurd(), absurd()), 0..30)) {
        let mut aipw = Aipw::new(3, 0).unwrap();
        for (arm, probability, outcome) in units {
            aipw.push(&AdaptiveUnit { arm, probability, outcome });
        }
        for arm in 0..4 {
            prop_assert!(is_sound_estimate(aipw.mean(arm)) && is_sound_estimate(aipw.difference(arm)));
            prop_assert!(aipw.effective_units(arm) >= 0.0);
        }
    }

    #[test]
    fn ratios_of_scores_of_absurd_units_are_sound(units in vec((0..4_usize, absurd(), absurd(), absurd()), 0..20)) {
        let mut aipw = AipwRatio::new(3, 0).unwrap();
        for (arm, probability, numerator, denominator) in units {
            aipw.push(arm, probability.abs().min(1.0), RatioUnit { numerator, denominator });
        }
        for arm in 0..4 {
            prop_assert!(is_sound_estimate(aipw.ratio(arm)) && is_sound_estimate(aipw.difference(arm)));
            prop_assert!(aipw.effective_units(arm) >= 0.0);
        }
    }

    #[test]
    fn caution_only_widens_and_only_the_smaller_arm(
        one in estimate(), other in estimate(), units in (0.0..1e4, 0.0..1e4)
    ) {
        if let Some((wider, same)) = cautious_pair((&one, units.0), (&other, units.1)) {
            prop_assert!(wider.variance >= one.variance && same.variance >= other.variance);
            let larger_kept = if units.0 <= units.1 { same.variance == other.variance } else { wider.variance == one.variance };
            prop_assert!(larger_kept && wider.value == one.value && same.value == other.value);
        }
    }

    #[test]
    fn strata_of_absurd_values_are_sound(strata in vec((vec(absurd(), 0..5), vec(absurd(), 0..5)), 0..4)) {
        let strata: Vec<Stratum> = strata
            .into_iter()
            .map(|(treatment, control)| Stratum { treatment: treatment.into_iter().collect(), control: control.into_iter().collect() })
            .collect();
        prop_assert!(is_sound_estimate(stratified_difference(&strata)));
    }

    #[test]
    fn a_ratio_test_has_a_p_value_that_never_rises(batches in vec((vec(absurd(), 3), vec(0..1_000_000_u64, 3)), 0..6)) {
        let mut test = SampleRatio::new(3);
        let mut last = 1.0;
        for (weights, counts) in batches {
            let weights: Vec<f64> = weights.into_iter().map(f64::abs).collect();
            test.observe(&weights, &counts);
            prop_assert!(is_probability(test.p_value()) && test.p_value() <= last);
            last = test.p_value();
        }
    }

    #[test]
    fn adjusted_p_values_are_no_smaller_and_keep_their_order(p_values in vec(absurd(), 0..8), alpha in level()) {
        let results = multiple::holm(&p_values, alpha);
        for (p, result) in p_values.iter().zip(&results) {
            prop_assert!(is_probability(result.adjusted) && result.level <= alpha);
            prop_assert!(!is_probability(*p) || result.adjusted >= *p);
            prop_assert!(!result.rejected || result.adjusted <= alpha * (1.0 + 1e-12));
        }
        prop_assert_eq!(multiple::e_benjamini_hochberg(&p_values, alpha).len(), p_values.len());
    }

    #[test]
    fn adjustment_never_adds_variance(units in vec((0..3_usize, absurd(), vec(absurd(), 2)), 0..12)) {
        let units: Vec<CupedUnit> =
            units.into_iter().map(|(arm, outcome, covariates)| CupedUnit { arm, outcome, covariates }).collect();
        if let Some(result) = adjust(&units) {
            prop_assert!(is_probability(result.variance_reduction));
            prop_assert!(result.adjusted.iter().chain(&result.theta).all(|value| value.is_finite()));
        }
    }

    #[test]
    fn sizes_of_absurd_experiments_are_sound(a in absurd(), b in absurd(), c in absurd(), d in absurd(), goal in absurd()) {
        let sequence = Sequence::new(0.05, Sides::Two, 100.0).unwrap();
        let answers = [
            power::units_for_means(a, (b, c), 0.05, goal),
            power::detectable_difference_of_means(a, (b, c), 0.05, goal),
            power::power_of_means(a, b, (c, d), 0.05),
            power::units_for_proportions(a, b, 0.05, goal),
            power::detectable_rise_of_proportion(a, b, 0.05, goal),
            power::detectable_difference_of_sequence(&sequence, a, b, goal),
            sequence.half_width_at(a, b),
        ];
        prop_assert!(answers.into_iter().flatten().all(|answer| answer.is_finite() && answer >= 0.0));
        let mut running = RunningP::default();
        prop_assert!(is_probability(running.observe(a)) && units_of_pair(a, b) >= 0.0);
    }

    #[test]
    fn assignment_is_total(key in vec(any::<u8>(), 0..80), unit in ".{0,20}", weights in vec(any::<u32>(), 0..5)) {
        let given = assign::assign(&key, Uuid::nil(), &unit, &weights);
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        prop_assert_eq!(given.is_some(), sum == u64::from(assign::BASIS_POINTS));
    }
}
