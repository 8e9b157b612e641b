//! The committed table of what scipy and statsmodels give (`peer_statistics.py`) against what the product gives.

#![allow(clippy::unwrap_used)]

use domain::statistics::bayes::{MeanPrior, Posterior, probability_greater};
use domain::statistics::cuped::{self, CupedUnit};
use domain::statistics::moments::{Comoments, Moments};
use domain::statistics::proportion::{self, Proportion, newcombe_interval, wilson_interval};
use domain::statistics::ratio::{self, Leverage, RatioUnit};
use domain::statistics::sequence::{Sequence, Sides};
use domain::statistics::srm::SampleRatio;
use domain::statistics::{Estimate, Interval, assign, distributions, multiple, power, welch};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Six significant digits.
const TOLERANCE: f64 = 5e-7;

#[derive(Deserialize)]
struct Case {
    method: String,
    given: Value,
    expected: Vec<f64>,
}

/// A field of a case's input.
fn field<T: DeserializeOwned>(given: &Value, name: &str) -> T {
    T::deserialize(&given[name]).unwrap_or_else(|error| panic!("{name} of {given}: {error}"))
}

fn number(given: &Value, name: &str) -> f64 {
    field(given, name)
}

fn numbers(given: &Value, name: &str) -> Vec<f64> {
    field(given, name)
}

fn counts(given: &Value, name: &str) -> Proportion {
    let (successes, trials) = field(given, name);
    Proportion { successes, trials }
}

fn pair(given: &Value, name: &str) -> (f64, f64) {
    field(given, name)
}

fn ends(interval: Interval) -> Vec<f64> {
    vec![interval.lower, interval.upper]
}

fn answer(method: &str, given: &Value) -> Option<Vec<f64>> {
    match method {
        "pooled_z_test" | "pooled_z_test_close" => {
            proportion::pooled_z_test(counts(given, "treatment"), counts(given, "control"))
                .map(|test| vec![test.statistic, test.p_value])
        }
        "wilson_interval" => {
            wilson_interval(counts(given, "data"), number(given, "alpha")).map(ends)
        }
        "newcombe_interval" => newcombe_interval(
            counts(given, "treatment"),
            counts(given, "control"),
            number(given, "alpha"),
        )
        .map(ends),
        "welch_test" => welch_test(given),
        "ratio" => ratio_by_units(given),
        "relative_uplift" => {
            let estimate = |name| {
                let (value, variance) = pair(given, name);
                Estimate::new(value, variance, f64::INFINITY)
            };
            ratio::relative_uplift(
                &estimate("treatment")?,
                &estimate("control")?,
                number(given, "critical"),
            )
            .map(ends)
        }
        "covariance" => covariance(given),
        "beta_interval" => Posterior::beta(number(given, "a"), number(given, "b"))?
            .credible_interval(number(given, "alpha"))
            .map(ends),
        "student_interval" => {
            let data: Moments = numbers(given, "values").into_iter().collect();
            let prior = MeanPrior::weak(number(given, "mean"), number(given, "sd"));
            prior
                .posterior(&data)?
                .credible_interval(number(given, "alpha"))
                .map(ends)
        }
        "probability_greater" => probability_greater(pair(given, "first"), pair(given, "second"))
            .map(|probability| vec![probability]),
        "holm" => {
            let holm = multiple::holm(&numbers(given, "p_values"), number(given, "alpha"));
            let rejected = holm.iter().map(|one| f64::from(u8::from(one.rejected)));
            Some(
                holm.iter()
                    .map(|one| one.adjusted)
                    .chain(rejected)
                    .collect(),
            )
        }
        "cuped" => cuped_by_units(given),
        "sample_ratio" => {
            let weights = numbers(given, "weights");
            let counts: Vec<u64> = field(given, "counts");
            SampleRatio::new(weights.len())
                .observe(&weights, &counts)
                .map(|p| vec![p])
        }
        "quantiles" => {
            let (tail, degrees, value) = (
                number(given, "tail"),
                number(given, "degrees_of_freedom"),
                number(given, "value"),
            );
            Some(vec![
                distributions::normal_upper_quantile(tail),
                distributions::student_upper_quantile(tail, degrees),
                distributions::normal_upper_tail(value),
                distributions::student_upper_tail(value, degrees),
            ])
        }
        "assignment" => assignment(given),
        _ if method.starts_with("sequence") => sequence(method, given),
        _ => sizes(method, given),
    }
}

fn welch_test(given: &Value) -> Option<Vec<f64>> {
    let estimate = |name| {
        numbers(given, name)
            .into_iter()
            .collect::<Moments>()
            .estimate()
    };
    let test = welch::welch_test(
        &estimate("treatment")?,
        &estimate("control")?,
        number(given, "alpha"),
    )?;
    let Interval { lower, upper } = test.interval;
    Some(vec![
        test.statistic,
        test.degrees_of_freedom,
        test.p_value,
        lower,
        upper,
    ])
}

fn ratio_by_units(given: &Value) -> Option<Vec<f64>> {
    let units: Vec<RatioUnit> = numbers(given, "numerator")
        .into_iter()
        .zip(numbers(given, "denominator"))
        .map(|(numerator, denominator)| RatioUnit {
            numerator,
            denominator,
        })
        .collect();
    let leverage: Leverage = field(given, "leverage");
    ratio::ratio(&units, leverage).map(|estimate| vec![estimate.value, estimate.variance])
}

fn covariance(given: &Value) -> Option<Vec<f64>> {
    let mut moments = Comoments::new();
    numbers(given, "x")
        .into_iter()
        .zip(numbers(given, "y"))
        .for_each(|(x, y)| moments.push(x, y));
    Some(vec![
        moments.x().mean()?,
        moments.x().variance()?,
        moments.y().variance()?,
        moments.covariance()?,
    ])
}

fn cuped_by_units(given: &Value) -> Option<Vec<f64>> {
    let arms: Vec<usize> = field(given, "arms");
    let covariates: Vec<Vec<f64>> = field(given, "covariates");
    let units: Vec<CupedUnit> = arms
        .into_iter()
        .zip(numbers(given, "outcomes"))
        .zip(covariates)
        .map(|((arm, outcome), covariates)| CupedUnit {
            arm,
            outcome,
            covariates,
        })
        .collect();
    let cuped = cuped::adjust(&units)?;
    Some(
        cuped
            .theta
            .iter()
            .copied()
            .chain([cuped.variance_reduction])
            .collect(),
    )
}

fn sequence(method: &str, given: &Value) -> Option<Vec<f64>> {
    let (alpha, planned, units) = (
        number(given, "alpha"),
        number(given, "planned"),
        number(given, "units"),
    );
    let critical = |sides| Sequence::new(alpha, sides, planned)?.critical(units, f64::INFINITY);
    let value = match method {
        "sequence_critical" => critical(Sides::Two)?,
        "sequence_critical_one_sided" => critical(Sides::One)?,
        _ => {
            let (value, variance) = (number(given, "value"), number(given, "variance"));
            let look = Estimate::new(value, variance, number(given, "degrees_of_freedom"))?;
            Sequence::new(alpha, field(given, "sides"), planned)?.e_value(&look, units, 0.0)
        }
    };
    Some(vec![value])
}

fn sizes(method: &str, given: &Value) -> Option<Vec<f64>> {
    let (alpha, goal) = (number(given, "alpha"), number(given, "power"));
    let value = match method {
        "units_for_means" => power::units_for_means(
            number(given, "difference"),
            pair(given, "variances"),
            alpha,
            goal,
        ),
        "units_for_proportions" => power::units_for_proportions(
            number(given, "treatment"),
            number(given, "control"),
            alpha,
            goal,
        ),
        "detectable_difference_of_means" => power::detectable_difference_of_means(
            number(given, "units"),
            pair(given, "variances"),
            alpha,
            goal,
        ),
        other => panic!("a case for {other}, which this test does not know"),
    };
    value.map(|value| vec![value])
}

fn assignment(given: &Value) -> Option<Vec<f64>> {
    let key: String = field(given, "key");
    let key: Vec<u8> = (0..key.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap())
        .collect();
    let (experiment, unit, weights): (_, String, Vec<u32>) = (
        field(given, "experiment"),
        field(given, "unit"),
        field(given, "weights"),
    );
    assign::assign(&key, experiment, &unit, &weights)
        .map(|given| vec![given.arm as f64, f64::from(given.basis_points)])
}

fn agree(ours: &[f64], theirs: &[f64]) -> bool {
    let close = |(our, their): (&f64, &f64)| (our - their).abs() <= TOLERANCE * their.abs();
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(close)
}

#[test]
fn two_hundred_cases_agree_with_scipy_and_statsmodels_to_six_digits() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/data/statistics_cases.json");
    let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(table).unwrap()).unwrap();
    assert_eq!(cases.len(), 200);
    let apart: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let ours = answer(&case.method, &case.given);
            let agrees = ours
                .as_ref()
                .is_some_and(|ours| agree(ours, &case.expected));
            (!agrees).then(|| {
                format!(
                    "{} of {}: {ours:?}, expected {:?}",
                    case.method, case.given, case.expected
                )
            })
        })
        .collect();
    assert!(
        apart.is_empty(),
        "{} apart:\n{}",
        apart.len(),
        apart.join("\n")
    );
}
