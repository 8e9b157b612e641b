#![allow(clippy::unwrap_used)]
mod bad_input;

use super::evaluate;
use crate::{
    experiment::{
        Allocation, Arm, ArmCounts, DecisionMode, Design, Direction, Engine, EpochCounts, Estimand,
        Evidence, Guardrail, GuardrailState, MaturedUnit, Metric, MetricKind, Outcome, Power,
        Stopping, UnitKind, Verdict, WeightEpoch,
    },
    statistics::seeds::Seeded,
};
use proptest::prelude::*;
use uuid::Uuid;

fn metric(numerator: &str) -> Metric {
    Metric {
        kind: MetricKind::Mean,
        numerator: numerator.into(),
        denominator: Some("impressions".into()),
    }
}

fn design(arms: usize) -> Design {
    let share = 10_000 / arms as u32;
    Design {
        arms: (0..arms)
            .map(|arm| Arm {
                name: format!("arm-{arm}"),
                control: arm == 0,
                weight_bp: share,
            })
            .collect(),
        unit: UnitKind::Post,
        allocation: Allocation::Fixed,
        metric: metric("likes"),
        direction: Direction::Increase,
        estimand: Estimand::PerTask,
        attribution_seconds: 10,
        ingest_grace_seconds: 0,
        publish_deadline_seconds: 100,
        feed: "default".into(),
        guardrails: vec![],
        secondary: vec![],
        engine: Engine::Sequential,
        alpha_bp: 500,
        power_bp: 8000,
        mde_bp: 1000,
        planned_units: 100,
        probability_best_bp: 9500,
        loss_threshold_bp: 100,
        covariates: vec![],
        stopping: Stopping {
            min_seconds: 0,
            max_seconds: 1_000_000,
            min_units_per_arm: 10,
            max_units: None,
            max_tokens: None,
        },
        decision: DecisionMode::Manual,
    }
}

/// Units of every arm around its rate, in turns, of 1,000 impressions each.
fn evidence(design: &Design, each: usize, rates: &[f64]) -> Evidence {
    let mut draws = Seeded::from_u64(7);
    let mut units = Vec::new();
    for n in 0..each {
        for (arm, rate) in rates.iter().enumerate() {
            units.push(MaturedUnit {
                id: Uuid::from_u128((n * rates.len() + arm) as u128),
                arm: arm as u16,
                epoch: 0,
                probability: f64::from(design.arms[arm].weight_bp) / 10_000.0,
                assigned_at: n as i64,
                matured_at: n as i64 + 10,
                published: true,
                objective: Outcome {
                    y: (1000.0 * (rate + 0.005 * draws.normal())).max(0.0),
                    x: 1000.0,
                },
                extra: vec![
                    Outcome {
                        y: 5.0 + draws.uniform(),
                        x: 1000.0
                    };
                    design.extra_metrics().count()
                ],
                covariates: vec![],
            });
        }
    }
    let counts = ArmCounts {
        assigned: each as u64,
        exposed: each as u64,
        matured: each as u64,
        lost: 0,
    };
    Evidence {
        started_at: 0,
        now: 1000,
        epochs: vec![WeightEpoch {
            number: 0,
            since: 0,
            weights_bp: design.arms.iter().map(|arm| arm.weight_bp).collect(),
        }],
        counts: vec![EpochCounts {
            epoch: 0,
            arms: vec![counts; rates.len()],
        }],
        units,
        missing: vec![0; rates.len()],
        ..Evidence::default()
    }
}

#[test]
fn a_better_arm_wins_with_a_sentence_that_names_the_figures() {
    let design = design(2);
    let found = evaluate(&design, &evidence(&design, 60, &[0.05, 0.08]));
    assert_eq!(
        (found.verdict, found.winner),
        (Verdict::Winner, Some(1)),
        "{}",
        found.sentence
    );
    for word in ["arm-1", "arm-0", "uplift", "interval", "120 matured"] {
        assert!(found.sentence.contains(word), "{}", found.sentence);
    }
    let comparison = &found.comparisons[0];
    assert!(comparison.low > 0.0 && comparison.p_value.unwrap() < 0.05);
    assert_eq!(found.leader, Some(1));
}

#[test]
fn less_is_better_where_less_is_wanted() {
    let mut design = design(2);
    design.direction = Direction::Decrease;
    let found = evaluate(&design, &evidence(&design, 60, &[0.08, 0.05]));
    assert_eq!((found.verdict, found.winner), (Verdict::Winner, Some(1)));
    assert!(found.comparisons[0].uplift.unwrap() > 0.0);
}

#[test]
fn a_worse_arm_leaves_the_control() {
    let design = design(2);
    let found = evaluate(&design, &evidence(&design, 60, &[0.08, 0.05]));
    assert_eq!(
        (found.verdict, found.winner),
        (Verdict::Loser, Some(0)),
        "{}",
        found.sentence
    );
}

#[test]
fn equal_arms_show_no_difference_once_the_interval_is_small_enough() {
    let design = design(2);
    let few = evaluate(&design, &evidence(&design, 30, &[0.05, 0.05]));
    assert_eq!(few.verdict, Verdict::Pending, "{}", few.sentence);
    let many = evaluate(&design, &evidence(&design, 400, &[0.05, 0.05]));
    assert_eq!(many.verdict, Verdict::NoDifference, "{}", many.sentence);
}

#[test]
fn a_ratio_mismatch_is_invalid_whatever_the_means_say() {
    let design = design(2);
    let base = evidence(&design, 60, &[0.05, 0.08]);
    for spoil in [
        (|counts: &mut [ArmCounts]| counts[1].assigned = 200) as fn(&mut [ArmCounts]),
        |counts| counts[1].exposed = 5,
    ] {
        let mut spoiled = base.clone();
        spoil(&mut spoiled.counts[0].arms);
        let found = evaluate(&design, &spoiled);
        assert_eq!(
            (found.verdict, found.winner),
            (Verdict::Invalid, None),
            "{}",
            found.sentence
        );
    }
}

#[test]
fn faults_54_missing_records_freeze_the_decision() {
    let design = design(2);
    let mut evidence = evidence(&design, 60, &[0.05, 0.08]);
    evidence.missing = vec![4, 4];
    let found = evaluate(&design, &evidence);
    assert!(!found.data_fresh);
    assert_eq!(found.verdict, Verdict::Pending);
    assert!(found.sentence.contains("no record"), "{}", found.sentence);
    evidence.missing = vec![3, 3];
    assert!(evaluate(&design, &evidence).data_fresh);
}

#[test]
fn nothing_is_said_too_early() {
    let sequential = design(2);
    let late = {
        let mut design = sequential.clone();
        design.stopping.min_seconds = 2000;
        design
    };
    let fixed = {
        let mut design = sequential.clone();
        design.engine = Engine::FixedHorizon;
        design
    };
    for (design, each, word) in [
        (&late, 60, "minimum duration"),
        (&sequential, 9, "9 of 10"),
        (&sequential, 15, "too few effective units"),
        (&fixed, 60, "60 of 100 planned"),
    ] {
        let found = evaluate(design, &evidence(design, each, &[0.05, 0.08]));
        assert_eq!(found.verdict, Verdict::Pending);
        assert!(found.sentence.contains(word), "{}", found.sentence);
        assert!(found.forecast_at.is_some(), "{}", found.sentence);
    }
}

#[test]
fn a_few_posts_that_carry_all_the_weight_are_few_units() {
    let design = design(2);
    let mut evidence = evidence(&design, 60, &[0.05, 0.08]);
    for unit in evidence.units.iter_mut().take(4) {
        unit.objective = Outcome {
            y: 50_000.0,
            x: 1_000_000.0,
        };
    }
    let found = evaluate(&design, &evidence);
    assert!(found.effective_units < 20.0);
    assert_eq!(found.verdict, Verdict::Pending, "{}", found.sentence);
}

#[test]
fn every_maximum_ends_it_inconclusive() {
    let mut design = design(2);
    design.mde_bp = 10;
    let base = evidence(&design, 30, &[0.05, 0.05]);
    let ended = |stopping: Stopping, evidence: &Evidence| {
        let mut design = design.clone();
        design.stopping = stopping;
        evaluate(&design, evidence).verdict
    };
    let open = design.stopping.clone();
    assert_eq!(ended(open.clone(), &base), Verdict::Pending);
    let duration = Stopping {
        max_seconds: 1000,
        ..open.clone()
    };
    assert_eq!(ended(duration, &base), Verdict::Inconclusive);
    let units = Stopping {
        max_units: Some(60),
        ..open.clone()
    };
    assert_eq!(ended(units.clone(), &base), Verdict::Inconclusive);
    let open_units = Evidence {
        open_units: 1,
        ..base.clone()
    };
    assert_eq!(ended(units, &open_units), Verdict::Pending);
    let tokens = Stopping {
        max_tokens: Some(5),
        ..open
    };
    assert_eq!(
        ended(
            tokens,
            &Evidence {
                tokens_spent: 5,
                ..base
            }
        ),
        Verdict::Inconclusive
    );
}

#[test]
fn a_fixed_horizon_is_looked_at_once() {
    let mut design = design(2);
    design.engine = Engine::FixedHorizon;
    design.planned_units = 30;
    design.mde_bp = 100;
    let equal = evaluate(&design, &evidence(&design, 30, &[0.05, 0.05]));
    assert_eq!(equal.verdict, Verdict::Inconclusive, "{}", equal.sentence);
    assert!(equal.sentence.contains("one look"), "{}", equal.sentence);
    let better = evaluate(&design, &evidence(&design, 30, &[0.05, 0.08]));
    assert_eq!(better.verdict, Verdict::Winner, "{}", better.sentence);
}

#[test]
fn a_violated_guardrail_makes_a_loser_of_a_better_arm() {
    let mut design = design(2);
    design.guardrails = vec![Guardrail {
        name: "hides".into(),
        metric: metric("hides"),
        direction: Direction::Decrease,
        margin_bp: 1000,
        relative: true,
    }];
    let good = evidence(&design, 100, &[0.05, 0.08]);
    let found = evaluate(&design, &good);
    assert_eq!(
        found.verdict,
        Verdict::Winner,
        "{:?} {}",
        found.guardrails,
        found.sentence
    );
    let mut bad = good;
    for unit in bad.units.iter_mut().filter(|unit| unit.arm == 1) {
        unit.extra[0].y += 20.0;
    }
    let found = evaluate(&design, &bad);
    assert_eq!(found.guardrails[0].state, GuardrailState::Violated);
    assert_eq!(
        (found.verdict, found.winner),
        (Verdict::Loser, Some(0)),
        "{}",
        found.sentence
    );
}

#[test]
fn survival_is_watched_and_must_be_proven_among_published_only() {
    let mut design = design(2);
    let mut evidence = evidence(&design, 60, &[0.05, 0.08]);
    for unit in evidence
        .units
        .iter_mut()
        .filter(|unit| unit.arm == 1)
        .take(15)
    {
        unit.published = false;
        unit.objective = Outcome::default();
    }
    evidence.counts[0].arms[1] = ArmCounts {
        assigned: 60,
        exposed: 45,
        matured: 60,
        lost: 15,
    };
    let found = evaluate(&design, &evidence);
    let survival = found
        .guardrails
        .iter()
        .find(|it| it.name == super::SURVIVAL)
        .unwrap();
    assert!(survival.worsening.unwrap() > 0.2);
    assert_ne!(
        found.verdict,
        Verdict::Invalid,
        "what gates took is no mismatch: {}",
        found.sentence
    );
    design.estimand = Estimand::AmongPublished;
    evidence.units.retain(|unit| unit.published);
    evidence.counts[0].arms[1].matured = 45;
    let found = evaluate(&design, &evidence);
    assert_ne!(found.verdict, Verdict::Winner);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("among published"))
    );
}

#[test]
fn a_bandit_adopts_and_claims_nothing() {
    let mut design = design(2);
    design.allocation = Allocation::Bandit {
        floor_bp: 500,
        cadence_seconds: 60,
    };
    design.engine = Engine::Bayesian;
    let found = evaluate(&design, &evidence(&design, 60, &[0.05, 0.08]));
    assert_eq!(
        (found.verdict, found.winner),
        (Verdict::Adopted, Some(1)),
        "{}",
        found.sentence
    );
    assert!(found.sentence.contains("no error rate is claimed"));
    let weights = found.next_weights_bp.unwrap();
    assert_eq!(weights.iter().sum::<u32>(), 10_000);
    assert!(weights[0] >= 500 && weights[1] > 9000);
    assert!(found.notes.iter().any(|note| note.contains("floor")));
}

#[test]
fn power_is_unknown_without_history_and_unreachable_where_it_is() {
    let design = design(2);
    let mut evidence = evidence(&design, 30, &[0.05, 0.05]);
    assert_eq!(evaluate(&design, &evidence).power, Power::NoHistory);
    evidence.history = (0..40)
        .map(|n| Outcome {
            y: f64::from(10 + (n * 13) % 80),
            x: 1000.0,
        })
        .collect();
    evidence.units_per_day = Some(2.0);
    let Power::Known {
        detectable_bp,
        reachable,
    } = evaluate(&design, &evidence).power
    else {
        panic!("history is there");
    };
    assert!(detectable_bp > 1000 && !reachable);
}

#[test]
fn the_digest_changes_with_what_was_counted_and_not_with_the_clock() {
    let design = design(2);
    let first = evidence(&design, 30, &[0.05, 0.05]);
    let digest = |evidence: &Evidence| evaluate(&design, evidence).inputs_digest;
    let later = Evidence {
        now: 5000,
        ..first.clone()
    };
    assert_eq!(digest(&first), digest(&later));
    let mut other = first.clone();
    other.units[3].objective.y += 1.0;
    assert_ne!(digest(&first), digest(&other));
}

/// Stored digests must be found again: the bytes of each unit in a fixed order, however they are gathered.
#[test]
fn the_digest_is_that_of_all_units_bytes_in_a_row() {
    let design = design(2);
    let mut evidence = evidence(&design, 2_000, &[0.05, 0.05]);
    for unit in evidence.units.iter_mut().step_by(3) {
        unit.extra = vec![Outcome { y: 2.0, x: 7.0 }; 2];
        unit.covariates = vec![0.5, -1.0];
        unit.published = false;
    }
    let mut bytes = Vec::new();
    for unit in &evidence.units {
        bytes.extend(unit.id.as_bytes());
        bytes.extend(unit.arm.to_be_bytes());
        bytes.extend(unit.epoch.to_be_bytes());
        bytes.extend(unit.probability.to_be_bytes());
        bytes.push(u8::from(unit.published));
        for outcome in std::iter::once(&unit.objective).chain(&unit.extra) {
            bytes.extend(outcome.y.to_be_bytes());
            bytes.extend(outcome.x.to_be_bytes());
        }
        for covariate in &unit.covariates {
            bytes.extend(covariate.to_be_bytes());
        }
    }
    let units = blake3::hash(&bytes).to_hex().to_string();
    let expected = crate::digest::digest_of(&(
        &design,
        &evidence.epochs,
        &evidence.counts,
        &evidence.missing,
        &evidence.history,
        units,
    ));
    assert_eq!(evaluate(&design, &evidence).inputs_digest, expected);
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(1.0),
        Just(-5.0),
        Just(f64::MAX),
        Just(f64::INFINITY),
        Just(f64::NAN),
        0.0..1e6_f64
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn absurd_evidence_has_a_defined_answer(
        arms in 2_usize..5,
        values in proptest::collection::vec((0_u16..6, any_value(), any_value(), any::<bool>()), 0..60),
        engine in 0..3_usize, kind in 0..3_usize, bandit in any::<bool>(), now in -10_i64..2_000_000,
    ) {
        let mut design = design(arms);
        design.engine = [Engine::Sequential, Engine::FixedHorizon, Engine::Bayesian][engine];
        design.metric.kind = [MetricKind::Proportion, MetricKind::Mean, MetricKind::Ratio][kind];
        design.stopping.min_units_per_arm = 0;
        design.planned_units = 2;
        if bandit && design.engine != Engine::FixedHorizon {
            design.allocation = Allocation::Bandit { floor_bp: 0, cadence_seconds: 1 };
        }
        let mut evidence = evidence(&design, 0, &vec![0.0; arms]);
        evidence.now = now;
        evidence.units = values.iter().enumerate().map(|(n, (arm, y, x, published))| MaturedUnit {
            id: Uuid::from_u128(n as u128), arm: *arm, epoch: 0, probability: 0.5, assigned_at: 0, matured_at: 0,
            published: *published, objective: Outcome { y: *y, x: *x }, extra: vec![], covariates: vec![],
        }).collect();
        let found = evaluate(&design, &evidence);
        let text = format!("{found:?}");
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        prop_assert!(!found.sentence.is_empty());
        prop_assert_eq!(evaluate(&design, &evidence), found);
    }
}
