//! The test of the sample ratio on correct data, looked at daily.

use crate::{
    aa::DAYS,
    harness::{Goal, Report, sums},
};
use domain::statistics::{
    seeds::Seeded,
    srm::{LEVEL, SampleRatio},
};

/// Weights of even and of odd days.
type Weights = [[f64; 3]; 2];

fn run(seeded: &mut Seeded, weights: &Weights, units: u64) -> [f64; 1] {
    let mut test = SampleRatio::new(3);
    let found = (0..DAYS).any(|day| {
        let weights = &weights[day % 2];
        let first = seeded.binomial(units, weights[0]);
        let second = seeded.binomial(units - first, weights[1] / (1.0 - weights[0]));
        test.observe(weights, &[first, second, units - first - second])
            .is_some_and(|p_value| p_value < LEVEL)
    });
    [f64::from(u8::from(found))]
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Sample ratio of correct data, 28 daily looks",
        "Share of runs in which any look finds a mismatch at .001 among three arms.",
    );
    let runs = runs * 10;
    let settings: [(&str, Weights); 3] = [
        ("equal weights", [[1.0 / 3.0; 3]; 2]),
        ("weights 20 : 30 : 50", [[0.2, 0.3, 0.5]; 2]),
        (
            "weights that change daily between 20 : 30 : 50 and 60 : 10 : 30",
            [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]],
        ),
    ];
    for (name, weights) in settings {
        for units in [6, 40, 1_000] {
            let name = format!("{name}, {units} units a day");
            let [found] = sums(&format!("srm {name}"), runs, |seeded| {
                run(seeded, &weights, units)
            });
            report.rate(name, found, runs as f64, Goal::AtMost(LEVEL));
        }
    }
    report
}
