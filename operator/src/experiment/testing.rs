//! An experiment of two versions of one template, as tests of single steps need it.

use super::validate::{Target, ValidatedExperiment, WantedVariant};
use backends::postgres::operator::experiments::{ArmRecord, ExperimentRow};
use chrono::Utc;
use domain::experiment::{
    Allocation, Arm, DecisionMode, Design, Direction, Engine, Estimand, Evaluation, Metric,
    MetricKind, Power, RatioMismatch, Stopping, UnitKind, Verdict,
};
use uuid::Uuid;

/// Two even arms; a minute of attribution.
pub fn design() -> Design {
    let arm = |name: &str, control| Arm {
        name: name.into(),
        control,
        weight_bp: 5_000,
    };
    Design {
        arms: vec![arm("plain", true), arm("bold", false)],
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
        planned_units: 100,
        probability_best_bp: 9_500,
        loss_threshold_bp: 100,
        covariates: vec![],
        stopping: Stopping {
            max_seconds: 86_400,
            ..Stopping::default()
        },
        decision: DecisionMode::AutoPromote,
    }
}

pub fn arms() -> Vec<ArmRecord> {
    [("plain", "v1"), ("bold", "v2")]
        .map(|(name, version)| ArmRecord {
            name: name.into(),
            prompt_digest: Some(format!("digest-{version}")),
            version: Some(version.into()),
            ..ArmRecord::default()
        })
        .to_vec()
}

pub fn validated() -> ValidatedExperiment {
    let variant = |name: &str, version: &str| WantedVariant {
        name: name.into(),
        version: Some(("launch".into(), version.into())),
        ..WantedVariant::default()
    };
    ValidatedExperiment {
        uid: Uuid::from_u128(1),
        namespace: "a".into(),
        name: "hooks".into(),
        generation: Some(1),
        persona: "maya".into(),
        design: design(),
        variants: vec![variant("plain", "v1"), variant("bold", "v2")],
        target: Some(Target {
            template: "launch".into(),
            track: "production".into(),
        }),
        suspended: false,
        report_drift: false,
        start: false,
        cancel: false,
        approve: None,
        ttl_seconds: 3_600.0,
        canary: None,
    }
}

/// A running experiment's row.
pub fn row() -> ExperimentRow {
    ExperimentRow {
        uid: Uuid::from_u128(1),
        object_uid: Uuid::from_u128(1),
        namespace: "a".into(),
        namespace_uid: Uuid::nil(),
        name: "hooks".into(),
        persona_uid: Uuid::from_u128(7),
        design: design(),
        design_digest: "design".into(),
        arms: arms(),
        started_at: Some(Utc::now()),
        suspended: false,
        ended_at: None,
        ended_reason: None,
        verdict: None,
        winner: None,
        inputs_digest: None,
        evaluation: None,
        evaluated_at: None,
        weight_epoch: 0,
        canary: None,
        canary_at: None,
        pruned_at: None,
        gone_at: None,
    }
}

pub fn evaluation(verdict: Verdict, winner: Option<usize>) -> Evaluation {
    Evaluation {
        verdict,
        winner,
        leader: winner,
        sentence: "bold leads".into(),
        arms: vec![],
        comparisons: vec![],
        ratio_mismatch: RatioMismatch::default(),
        guardrails: vec![],
        secondary: vec![],
        power: Power::NoHistory,
        data_fresh: true,
        effective_units: 0.0,
        forecast_at: None,
        next_weights_bp: None,
        notes: vec![],
        inputs_digest: "d".into(),
    }
}
