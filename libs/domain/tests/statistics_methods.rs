//! Tests, intervals and sizes: known answers, and the defined answers for degenerate data.
#![allow(clippy::unwrap_used)]

use domain::statistics::aipw::stratified_difference;
use domain::statistics::bayes::compare;
use domain::statistics::cuped::{CupedUnit, adjust};
use domain::statistics::moments::{Moments, effective_units};
use domain::statistics::multiple::{e_benjamini_hochberg, holm};
use domain::statistics::proportion::{Proportion, pooled_z_test, wilson_interval};
use domain::statistics::ratio::{Leverage, RatioUnit, ratio, relative_uplift};
use domain::statistics::seeds::Seeded;
use domain::statistics::sequence::{RunningP, Sequence, Sides};
use domain::statistics::thompson::apportion;
use domain::statistics::{Direction, Estimate, power, welch};

#[test]
fn no_data_and_no_variance_give_no_answer_instead_of_nan() {
    let none = Proportion::default();
    assert_eq!(pooled_z_test(none, none), None);
    assert_eq!(wilson_interval(none, 0.05), None);
    assert_eq!(
        wilson_interval(
            Proportion {
                successes: 3,
                trials: 2
            },
            0.05
        ),
        None
    );
    assert_eq!(Moments::new().mean(), None);
    assert_eq!([1.0].into_iter().collect::<Moments>().estimate(), None);
    let constant = [2.0; 5]
        .into_iter()
        .collect::<Moments>()
        .estimate()
        .unwrap();
    assert_eq!(welch::welch_test(&constant, &constant, 0.05), None);
    assert_eq!(
        ratio(
            &[RatioUnit {
                numerator: 0.0,
                denominator: 0.0
            }; 3],
            Leverage::Hc3
        ),
        None
    );
    assert_eq!(compare(&[], Direction::Increase, 10, 1), None);
    assert_eq!(stratified_difference(&[]), None);
    assert_eq!(adjust(&[]), None);
    assert_eq!(apportion(&[], 0), None);
    assert_eq!(effective_units([0.0, 0.0]), 0.0);
}

#[test]
fn all_successes_in_both_arms_are_no_evidence() {
    let all = Proportion {
        successes: 40,
        trials: 40,
    };
    let test = pooled_z_test(
        all,
        Proportion {
            successes: 9,
            trials: 9,
        },
    )
    .unwrap();
    assert_eq!((test.statistic, test.p_value), (0.0, 1.0));
    let interval = wilson_interval(all, 0.05).unwrap();
    assert_eq!(interval.upper, 1.0);
    assert!(interval.lower > 0.9 && interval.lower < 1.0);
}

#[test]
fn the_effective_number_is_one_for_one_viral_post_and_n_for_equal_ones() {
    assert!((effective_units([3.0; 7]) - 7.0).abs() < 1e-12);
    assert!((effective_units([1e9, 1.0, 1.0]) - 1.0).abs() < 1e-6);
    assert!((effective_units([f64::MAX, f64::MAX]) - 2.0).abs() < 1e-12);
}

#[test]
fn an_uplift_over_a_control_that_may_be_zero_has_no_interval() {
    let treatment = Estimate::new(1.2, 0.01, f64::INFINITY).unwrap();
    let control = |value| Estimate::new(value, 0.01, f64::INFINITY).unwrap();
    assert_eq!(relative_uplift(&treatment, &control(0.15), 1.96), None);
    let uplift = relative_uplift(&treatment, &control(1.0), 1.96).unwrap();
    assert!(
        uplift.contains(0.2) && uplift.lower > -0.1 && uplift.upper < 0.6,
        "{uplift:?}"
    );
    // Of −1 to 1.2 is a rise by 2.2 of the control's size.
    assert!(
        relative_uplift(&treatment, &control(-1.0), 1.96)
            .unwrap()
            .contains(2.2)
    );
}

#[test]
fn a_sequence_is_narrowest_relative_to_others_where_it_was_planned() {
    let width = |planned, units| {
        Sequence::new(0.05, Sides::Two, planned)
            .unwrap()
            .half_width_at(units, 1.0)
            .unwrap()
    };
    for other in [20.0, 50.0, 200.0, 1_000.0] {
        assert!(width(100.0, 100.0) < width(other, 100.0));
    }
    let fixed = 1.959_964 / 10.0;
    assert!(
        (1.5..1.6).contains(&(width(100.0, 100.0) / fixed)),
        "{}",
        width(100.0, 100.0) / fixed
    );
}

#[test]
fn few_degrees_of_freedom_widen_a_sequence_until_it_has_no_bound() {
    let sequence = Sequence::new(0.05, Sides::Two, 14.0).unwrap();
    let criticals: Vec<Option<f64>> = [f64::INFINITY, 100.0, 38.0, 10.0, 1.0]
        .iter()
        .map(|degrees| sequence.critical(10.0, *degrees))
        .collect();
    assert!(
        criticals
            .windows(2)
            .all(|pair| pair[1].is_none() || pair[0] < pair[1]),
        "{criticals:?}"
    );
    assert!(
        criticals[2].unwrap() < 4.0 && criticals[4].is_none(),
        "{criticals:?}"
    );
}

#[test]
fn the_running_p_value_never_rises() {
    let mut running = RunningP::default();
    let seen: Vec<f64> = [0.4, f64::NAN, 0.02, 0.9]
        .map(|p| running.observe(p))
        .to_vec();
    assert_eq!(seen, [0.4, 0.4, 0.02, 0.02]);
}

#[test]
fn holm_steps_down_and_stops_at_the_first_that_fails() {
    let results = holm(&[0.03, 0.001, 0.02], 0.05);
    assert_eq!(
        results.iter().map(|one| one.rejected).collect::<Vec<_>>(),
        [true, true, true]
    );
    let results = holm(&[0.04, 0.001, 0.03], 0.05);
    assert_eq!(
        results.iter().map(|one| one.rejected).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_eq!(results[0].level, 0.05);
}

#[test]
fn e_values_are_rejected_by_rank() {
    // With three at .1 the bars are 30, 15 and 10.
    assert_eq!(
        e_benjamini_hochberg(&[16.0, 40.0, 9.0], 0.1),
        [true, true, false]
    );
    assert_eq!(
        e_benjamini_hochberg(&[11.0, 12.0, 10.5], 0.1),
        [true, true, true]
    );
    assert_eq!(
        e_benjamini_hochberg(&[f64::NAN, 12.0, -1.0], 0.1),
        [false, false, false]
    );
}

#[test]
fn adjustment_takes_out_what_the_covariate_tells_and_leaves_the_effect() {
    let mut seeded = Seeded::from_u64(9);
    let units: Vec<CupedUnit> = (0..400)
        .map(|index| {
            let (arm, slot) = (index % 2, seeded.normal());
            let outcome = 3.0 * slot + arm as f64 + 0.5 * seeded.normal();
            // The second is the first again, the third tells nothing.
            CupedUnit {
                arm,
                outcome,
                covariates: vec![slot, 2.0 * slot, 7.0],
            }
        })
        .collect();
    let result = adjust(&units).unwrap();
    assert!(
        result.variance_reduction > 0.95,
        "{}",
        result.variance_reduction
    );
    assert!(
        (result.theta[0] - 3.0).abs() < 0.1 && result.theta[1] == 0.0 && result.theta[2] == 0.0,
        "{:?}",
        result.theta
    );
    assert_eq!(result.covariates_used, 1);
    let mean = |arm| {
        (result.adjusted.iter().enumerate())
            .filter(|(index, _)| index % 2 == arm)
            .map(|(_, y)| *y)
            .collect::<Moments>()
    };
    let effect = mean(1).mean().unwrap() - mean(0).mean().unwrap();
    assert!((effect - 1.0).abs() < 0.15, "{effect}");
}

#[test]
fn the_fixed_test_of_four_against_five_per_cent_needs_11163_an_arm() {
    let units = power::units_for_proportions(0.05, 0.04, 0.05, 0.95).unwrap();
    assert_eq!(units.ceil(), 11_163.0);
    let rise = power::detectable_rise_of_proportion(0.04, units, 0.05, 0.95).unwrap();
    assert!((rise - 0.01).abs() < 1e-9);
    let variances = (0.05 * 0.95, 0.04 * 0.96);
    assert!((power::power_of_means(0.01, units, variances, 0.05).unwrap() - 0.95).abs() < 1e-9);
    assert_eq!(
        power::detectable_rise_of_proportion(0.5, 2.0, 0.05, 0.95),
        None
    );
}
