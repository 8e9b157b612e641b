//! Issue 4, "Bad input and trouble": a defined verdict and sentence for each, under every engine, metric and allocation.

use super::*;
use crate::experiment::Evaluation;

const BANDIT: Allocation = Allocation::Bandit {
    floor_bp: 1_000,
    cadence_seconds: 60,
};

/// Every design that admission takes, with bounds that 60 units an arm fulfil.
fn designs() -> Vec<Design> {
    let mut designs = Vec::new();
    for engine in [Engine::Sequential, Engine::FixedHorizon, Engine::Bayesian] {
        for kind in [MetricKind::Proportion, MetricKind::Mean, MetricKind::Ratio] {
            for allocation in [Allocation::Fixed, BANDIT] {
                if engine != Engine::FixedHorizon || allocation == Allocation::Fixed {
                    let mut design = design(2);
                    design.engine = engine;
                    design.metric.kind = kind;
                    design.allocation = allocation;
                    design.planned_units = 60;
                    designs.push(design);
                }
            }
        }
    }
    designs
}

/// While it runs, and at its maximum duration.
fn both(design: &Design, evidence: &Evidence) -> [Evaluation; 2] {
    let over = Evidence {
        now: design.stopping.max_seconds,
        ..evidence.clone()
    };
    let found = [evaluate(design, evidence), evaluate(design, &over)];
    for it in &found {
        let text = format!("{it:?}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(it.sentence.len() > 20, "{}", it.sentence);
    }
    found
}

/// Nothing is claimed of arms that cannot be told apart.
fn claims_nothing(what: &str, design: &Design, evidence: &Evidence) {
    let [now, over] = both(design, evidence);
    let of = format!(
        "{what}, {:?} {:?} {:?}: {}",
        design.engine, design.metric.kind, design.allocation, now.sentence
    );
    let claims = [
        Verdict::Winner,
        Verdict::Loser,
        Verdict::Invalid,
        Verdict::Adopted,
    ];
    // A bandit may stop where nothing is left to gain; that is no claim.
    let adopts = matches!(design.allocation, Allocation::Bandit { .. });
    for found in [&now, &over] {
        let adopted = adopts && found.verdict == Verdict::Adopted;
        assert!(adopted || !claims.contains(&found.verdict), "{of}");
    }
    assert_ne!(over.verdict, Verdict::Pending, "{of}");
}

/// Sixty units an arm with this outcome each.
fn constant(design: &Design, of_arms: [Outcome; 2]) -> Evidence {
    let mut evidence = evidence(design, 60, &[0.05, 0.05]);
    for unit in &mut evidence.units {
        unit.objective = of_arms[usize::from(unit.arm)];
    }
    evidence
}

#[test]
fn zero_units_and_an_arm_without_data_wait_and_end_inconclusive() {
    for design in designs() {
        let none = evidence(&design, 0, &[0.0, 0.0]);
        // So few that chance explains it; more would be a mismatch of the ratio.
        let mut one_arm = evidence(&design, 6, &[0.05, 0.05]);
        one_arm.units.retain(|unit| unit.arm == 0);
        for evidence in [none, one_arm] {
            let [now, over] = both(&design, &evidence);
            assert_eq!(now.verdict, Verdict::Pending, "{}", now.sentence);
            assert!(now.sentence.contains("0 of 10"), "{}", now.sentence);
            assert_eq!(over.verdict, Verdict::Inconclusive);
            assert!(
                over.sentence.contains("maximum duration"),
                "{}",
                over.sentence
            );
            assert_eq!(now.arms[1].mean, None);
        }
    }
}

#[test]
fn all_successes_all_zero_and_no_variance_claim_nothing() {
    let outcome = |y, x| [Outcome { y, x }; 2];
    for design in designs() {
        for (what, outcomes) in [
            ("all successes", outcome(1.0, 1.0)),
            ("no event at all", outcome(0.0, 1_000.0)),
            ("zero over zero", outcome(0.0, 0.0)),
            ("zero variance", outcome(50.0, 1_000.0)),
        ] {
            claims_nothing(what, &design, &constant(&design, outcomes));
        }
    }
}

/// What is negative or no number is nothing; what is absurd is the largest that is taken.
#[test]
fn negative_and_absurd_values_claim_nothing_where_both_arms_have_them() {
    for design in designs() {
        for (what, y, x) in [
            ("negative events", -5.0, 1_000.0),
            ("negative impressions", 5.0, -1_000.0),
            ("both negative", -1.0, -1.0),
            ("no number", f64::NAN, f64::NAN),
            ("infinite", f64::INFINITY, f64::INFINITY),
            ("the largest", f64::MAX, f64::MIN_POSITIVE),
        ] {
            claims_nothing(what, &design, &constant(&design, [Outcome { y, x }; 2]));
        }
    }
}

/// One absurd unit among sound ones does not decide, and a unit of an arm that the design does not have is not counted.
#[test]
fn one_absurd_unit_does_not_make_a_winner() {
    for design in designs() {
        let mut evidence = evidence(&design, 60, &[0.05, 0.05]);
        evidence.units[7].objective = Outcome { y: 1e300, x: 1e300 };
        evidence.units[8].arm = 9;
        let [now, over] = both(&design, &evidence);
        for found in [now, over] {
            let claimed = matches!(found.verdict, Verdict::Winner | Verdict::Loser);
            let bayesian = design.engine == Engine::Bayesian;
            assert!(!claimed || bayesian, "{}", found.sentence);
        }
    }
}

/// Clocks that go back, and units from before the start, move nothing but what depends on the clock.
#[test]
fn a_clock_that_went_back_gives_the_same_figures() {
    for design in designs() {
        let sound = evidence(&design, 60, &[0.05, 0.05]);
        let skewed = Evidence {
            now: -10,
            started_at: 500,
            ..sound.clone()
        };
        let (sound, [skewed, _]) = (evaluate(&design, &sound), both(&design, &skewed));
        assert_eq!(sound.arms, skewed.arms);
        assert_eq!(sound.inputs_digest, skewed.inputs_digest);
        assert_ne!(skewed.verdict, Verdict::Invalid);
    }
}
