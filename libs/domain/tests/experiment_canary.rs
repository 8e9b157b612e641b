//! The A/A canary: random labels on what was observed.
#![allow(clippy::unwrap_used)]
use domain::experiment::{
    Allocation, Arm, DecisionMode, Design, Direction, Engine, Estimand, MaturedUnit, Metric,
    MetricKind, Outcome, Stopping, UnitKind,
    canary::{Canary, resample},
    evaluate,
};
use domain::statistics::seeds::Seeded;
use uuid::Uuid;

fn design() -> Design {
    let arm = |name: &str, control, weight_bp| Arm {
        name: name.into(),
        control,
        weight_bp,
    };
    Design {
        arms: vec![arm("plain", true, 5_000), arm("bold", false, 5_000)],
        unit: UnitKind::Post,
        allocation: Allocation::Fixed,
        metric: Metric {
            kind: MetricKind::Mean,
            numerator: "likes".into(),
            denominator: Some("impressions".into()),
        },
        direction: Direction::Increase,
        estimand: Estimand::PerTask,
        attribution_seconds: 60,
        ingest_grace_seconds: 0,
        publish_deadline_seconds: 600,
        feed: "default".into(),
        guardrails: vec![],
        secondary: vec![],
        engine: Engine::Sequential,
        alpha_bp: 500,
        power_bp: 8_000,
        mde_bp: 1_000,
        planned_units: 50,
        probability_best_bp: 9_500,
        loss_threshold_bp: 100,
        covariates: vec![],
        stopping: Stopping {
            min_seconds: 1_000_000,
            max_seconds: 2_000_000,
            min_units_per_arm: 1_000,
            ..Stopping::default()
        },
        decision: DecisionMode::Manual,
    }
}

/// Units that all were in the arm that seemed best: labels are drawn anew, whatever they were.
fn units(count: u128) -> Vec<MaturedUnit> {
    let mut draws = Seeded::from_u64(7);
    (0..count)
        .map(|id| MaturedUnit {
            id: Uuid::from_u128(id),
            arm: 1,
            epoch: 3,
            probability: 0.9,
            assigned_at: 0,
            matured_at: 100,
            published: true,
            objective: Outcome {
                y: (draws.uniform() * 10.0).floor(),
                x: 100.0,
            },
            extra: vec![],
            covariates: vec![],
        })
        .collect()
}

fn run(runs: u64, seed: u64) -> Option<Canary> {
    resample(&design(), &units(60), runs, seed, evaluate)
}

#[test]
fn equal_arms_seldom_win_and_the_interval_says_how_sure_that_is() {
    let canary = run(40, 1).unwrap();
    assert_eq!((canary.runs, canary.units), (40, 60));
    assert!(canary.resampled);
    assert!(canary.rate <= 0.1, "{canary:?}");
    assert!(canary.low <= canary.rate && canary.rate <= canary.high && canary.high > 0.05);
}

#[test]
fn the_same_seed_draws_the_same_labels() {
    assert_eq!(run(5, 1), run(5, 1));
}

/// An analysis that takes the first difference for an effect is found out.
#[test]
fn an_analysis_that_peeks_shows() {
    let greedy = |design: &Design, evidence: &domain::experiment::Evidence| {
        let mut evaluation = evaluate(design, evidence);
        if evaluation.leader == Some(1) {
            evaluation.verdict = domain::experiment::Verdict::Winner;
        }
        evaluation
    };
    let canary = resample(&design(), &units(60), 20, 1, greedy).unwrap();
    assert!(canary.low > 0.05, "{canary:?}");
}

#[test]
fn too_few_units_or_no_runs_say_nothing() {
    assert_eq!(resample(&design(), &units(19), 10, 1, evaluate), None);
    assert_eq!(run(0, 1), None);
}
