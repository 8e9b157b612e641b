//! Participants at 4 % against 5 %, 100 a day, shared out by Thompson sampling until it stops.

use crate::harness::{Goal, Report, sums};
use domain::statistics::{
    Direction,
    assign::BASIS_POINTS,
    bayes::{BetaPrior, Comparison, Posterior, compare},
    proportion::Proportion,
    seeds::Seeded,
    thompson::apportion,
};

const RATES: [f64; 2] = [0.04, 0.05];
const A_DAY: u64 = 100;
const CAP: u64 = 22_326;
/// What the fixed test of 2 × 11,163 participants costs: 11,163 at 4 % instead of 5 %.
const FIXED_COST: f64 = 111.63;
/// As the evaluation draws.
const DRAWS: usize = 1024;
const FIRST_STOP: u64 = 14;

#[derive(Clone, Copy)]
struct Setting {
    floor: u32,
    /// Days from assignment to the outcome.
    lag: usize,
    /// Days between two changes of the weights.
    batch: u64,
}

/// Wrong choice; cost until the stop and its square; cost over the whole cap and its square; days; coverage of the chosen arm.
fn run(seeded: &mut Seeded, setting: Setting) -> [f64; 7] {
    let mut weights = vec![BASIS_POINTS / 2; 2];
    let mut counted = [Proportion::default(); 2];
    let mut waiting: Vec<[Proportion; 2]> = Vec::new();
    let (mut assigned, mut cost, mut day) = (0, 0.0, 0);
    let (chosen, posteriors) = loop {
        let today = A_DAY.min(CAP - assigned);
        let better = seeded.binomial(today, f64::from(weights[1]) / f64::from(BASIS_POINTS));
        cost += (today - better) as f64 * (RATES[1] - RATES[0]);
        assigned += today;
        waiting.push(
            [(today - better, 0), (better, 1)].map(|(trials, arm)| Proportion {
                successes: seeded.binomial(trials, RATES[arm]),
                trials,
            }),
        );
        day += 1;
        // Of the last `lag` days nothing is known yet; at the cap everything is awaited.
        let known = if assigned >= CAP {
            waiting.len()
        } else {
            waiting.len().saturating_sub(setting.lag)
        };
        for batch in waiting.drain(..known) {
            for (all, part) in counted.iter_mut().zip(batch) {
                all.successes += part.successes;
                all.trials += part.trials;
            }
        }
        let Some((posteriors, belief)) = believe(&counted, seeded) else {
            continue;
        };
        if assigned >= CAP || (day >= FIRST_STOP && is_settled(&belief)) {
            break (belief.leader, posteriors);
        }
        if day % setting.batch == 0 {
            let best: Vec<f64> = belief.arms.iter().map(|arm| arm.probability_best).collect();
            weights = apportion(&best, setting.floor).unwrap_or(weights);
        }
    };
    let rest = (CAP - assigned) as f64 * (RATES[1] - RATES[chosen]);
    let covered = posteriors[chosen]
        .credible_interval(0.05)
        .is_some_and(|interval| interval.contains(RATES[chosen]));
    [
        f64::from(u8::from(chosen == 0)),
        cost,
        cost * cost,
        cost + rest,
        (cost + rest).powi(2),
        day as f64,
        f64::from(u8::from(covered)),
    ]
}

fn believe(counted: &[Proportion; 2], seeded: &mut Seeded) -> Option<(Vec<Posterior>, Comparison)> {
    let posteriors: Vec<Posterior> = counted
        .iter()
        .map(|arm| BetaPrior::default().posterior(*arm))
        .collect::<Option<_>>()?;
    let seed = seeded.below(usize::MAX) as u64;
    let belief = compare(&posteriors, Direction::Increase, DRAWS, seed)?;
    Some((posteriors, belief))
}

/// P(best) ≥ .95, or the 95th percentile of the value remaining below 1 %.
fn is_settled(belief: &Comparison) -> bool {
    belief.arms[belief.leader].probability_best >= 0.95 || belief.value_remaining < 0.01
}

pub fn report(runs: u64) -> Report {
    let mut report = Report::new(
        "Participants: 4 % against 5 %, 100 a day, Thompson sampling",
        "Cost is Σ(0.05 − p of the assigned arm). It stops on day 14 or later when P(best) ≥ .95 or the 95th percentile of the value \
         remaining is below 1 %, at the latest at 22,326 participants. The fixed test of 2 × 11,163 costs 111.6; an eighth of that is \
         13.95. *Common horizon* counts all 22,326 participants, those after the stop at the chosen arm's rate. Rows with another floor, a lag \
         of the outcomes or weights that change every seven days stand beside it without a goal, with a fifth of the runs.",
    );
    let main = Setting {
        floor: 200,
        lag: 0,
        batch: 1,
    };
    row(
        &mut report,
        "floor 2 %, same-day outcomes, daily weights",
        main,
        runs,
        true,
    );
    let fewer = (runs / 5).max(1);
    let beside = [
        ("floor 1 %", Setting { floor: 100, ..main }),
        (
            "floor 10 %",
            Setting {
                floor: 1_000,
                ..main
            },
        ),
        ("outcomes three days later", Setting { lag: 3, ..main }),
        ("weekly weights", Setting { batch: 7, ..main }),
    ];
    for (name, setting) in beside {
        row(&mut report, name, setting, fewer, false);
    }
    report
}

fn row(report: &mut Report, name: &str, setting: Setting, runs: u64, goals: bool) {
    let [wrong, cost, squares, common, common_squares, days, covered] =
        sums(&format!("participants {name}"), runs, |seeded| {
            run(seeded, setting)
        });
    let runs = runs as f64;
    let most = if goals {
        Goal::AtMost(0.05)
    } else {
        Goal::None
    };
    report.rate(format!("{name}: the 4 % arm is chosen"), wrong, runs, most);
    report.mean(
        format!(
            "{name}: cost until the stop (on average day {:.1})",
            days / runs
        ),
        [cost, squares],
        runs,
        goals.then_some(FIXED_COST / 8.0),
    );
    report.mean(
        format!("{name}: cost, common horizon"),
        [common, common_squares],
        runs,
        None,
    );
    report.rate(
        format!("{name}: 95 % credible interval of the chosen arm at the stop covers"),
        covered,
        runs,
        Goal::None,
    );
}
