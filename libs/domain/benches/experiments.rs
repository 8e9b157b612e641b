//! One evaluation of ten arms with 10,000 units each: `cargo bench -p threads-domain --bench experiments`.
#![allow(clippy::unwrap_used)]

use criterion::Criterion;
use domain::{
    experiment::{
        Allocation, Arm, ArmCounts, DecisionMode, Design, Direction, Engine, EpochCounts, Estimand,
        Evidence, MaturedUnit, Metric, MetricKind, Outcome, Stopping, UnitKind, WeightEpoch,
        evaluate,
    },
    statistics::seeds::Seeded,
};
use std::{hint::black_box, time::Duration};
use uuid::Uuid;

const ARMS: usize = 10;
const UNITS: usize = 10_000;

fn design(kind: MetricKind, allocation: Allocation) -> Design {
    Design {
        arms: (0..ARMS)
            .map(|arm| Arm {
                name: format!("arm-{arm}"),
                control: arm == 0,
                weight_bp: 1_000,
            })
            .collect(),
        unit: UnitKind::Post,
        allocation,
        metric: Metric {
            kind,
            numerator: "likes".into(),
            denominator: Some("impressions".into()),
        },
        direction: Direction::Increase,
        estimand: Estimand::PerTask,
        attribution_seconds: 86_400,
        ingest_grace_seconds: 3_600,
        publish_deadline_seconds: 86_400,
        feed: "default".into(),
        guardrails: vec![],
        secondary: vec![],
        engine: Engine::Sequential,
        alpha_bp: 500,
        power_bp: 8_000,
        mde_bp: 1_000,
        planned_units: UNITS as u64,
        probability_best_bp: 9_500,
        loss_threshold_bp: 100,
        covariates: vec![],
        stopping: Stopping {
            max_seconds: 28 * 86_400,
            min_units_per_arm: 10,
            ..Stopping::default()
        },
        decision: DecisionMode::Manual,
    }
}

fn evidence() -> Evidence {
    let mut draws = Seeded::from_u64(1);
    let units = (0..ARMS * UNITS)
        .map(|unit| {
            let impressions = draws.log_normal(6.2, 1.0).round().max(1.0);
            MaturedUnit {
                id: Uuid::from_u128(unit as u128),
                arm: (unit % ARMS) as u16,
                epoch: 0,
                probability: 0.1,
                assigned_at: unit as i64,
                matured_at: unit as i64 + 90_000,
                published: true,
                objective: Outcome {
                    y: draws.binomial(impressions as u64, 0.04) as f64,
                    x: impressions,
                },
                extra: vec![],
                covariates: vec![],
            }
        })
        .collect();
    let counts = ArmCounts {
        assigned: UNITS as u64,
        exposed: UNITS as u64,
        matured: UNITS as u64,
        lost: 0,
    };
    Evidence {
        now: 14 * 86_400,
        epochs: vec![WeightEpoch {
            number: 0,
            since: 0,
            weights_bp: vec![1_000; ARMS],
        }],
        counts: vec![EpochCounts {
            epoch: 0,
            arms: vec![counts; ARMS],
        }],
        units,
        missing: vec![0; ARMS],
        ..Evidence::default()
    }
}

fn evaluation(criterion: &mut Criterion) {
    let evidence = evidence();
    let bandit = Allocation::Bandit {
        floor_bp: 500,
        cadence_seconds: 86_400,
    };
    let mut group = criterion.benchmark_group("evaluation of 10 arms with 10,000 units");
    for (name, kind, allocation) in [
        ("mean", MetricKind::Mean, Allocation::Fixed),
        ("proportion", MetricKind::Proportion, Allocation::Fixed),
        ("ratio", MetricKind::Ratio, Allocation::Fixed),
        ("mean under a bandit", MetricKind::Mean, bandit),
    ] {
        let design = design(kind, allocation);
        group.bench_function(name, |bencher| {
            bencher.iter(|| evaluate(black_box(&design), black_box(&evidence)))
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    evaluation(&mut criterion);
    criterion.final_summary();
}
