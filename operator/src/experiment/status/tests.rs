#![allow(clippy::unwrap_used)]

use super::{
    super::testing::{evaluation, row, validated},
    *,
};
use backends::postgres::operator::experiments::EndReason;
use domain::experiment::{
    ArmFigures, Comparison, GuardrailFigures, GuardrailState, Power, RatioMismatch, Verdict,
};

fn arm(matured: u64, mean: f64) -> ArmFigures {
    ArmFigures {
        assigned: 30,
        exposed: 25,
        matured,
        missing: 1,
        mean: Some(mean),
        low: Some(f64::NEG_INFINITY),
        high: Some(f64::NAN),
        probability_best: Some(0.934_567),
        expected_loss: Some(0.000_123_456),
        weight_bp: 5_000,
        effective_units: 12.0,
    }
}

fn evaluated() -> ExperimentRow {
    let mut found = evaluation(Verdict::Pending, None);
    found.arms = vec![arm(20, 0.031_234_9), arm(21, 0.041_234_9)];
    found.leader = Some(1);
    found.effective_units = 40.4;
    found.forecast_at = Some(7_201);
    found.comparisons = vec![Comparison {
        arm: 1,
        difference: 0.01,
        low: -0.01,
        high: 0.03,
        uplift: Some(0.320_14),
        uplift_low: Some(f64::NAN),
        uplift_high: None,
        p_value: None,
        level: 0.05,
    }];
    ExperimentRow {
        evaluation: Some(found),
        inputs_digest: Some("digest".into()),
        ..row()
    }
}

fn status_of(applied: &Applied) -> ExperimentStatus {
    build(
        &ExperimentStatus::default(),
        &validated(),
        applied,
        Timestamp::UNIX_EPOCH,
    )
}

fn status_of_row(row: ExperimentRow) -> ExperimentStatus {
    status_of(&Applied {
        row: Some(row),
        ..Applied::default()
    })
}

fn condition(status: &ExperimentStatus, type_: ConditionType) -> String {
    let condition = crds::find_condition(&status.conditions, type_).unwrap();
    format!("{} {}", condition.status, condition.reason)
}

#[test]
fn figures_are_rounded_and_what_is_no_number_is_absent() {
    let status = status_of_row(evaluated());
    let bold = &status.arms[1];
    assert_eq!(bold.mean.as_deref(), Some("0.04123"));
    assert_eq!(bold.interval, None);
    assert_eq!((bold.uplift_bp, bold.uplift_low_bp), (Some(3201), None));
    assert_eq!(bold.probability_best_bp, Some(9346));
    assert_eq!(status.leader.as_deref(), Some("bold"));
    assert_eq!(status.leader_probability.as_deref(), Some("0.93"));
    assert_eq!(
        (status.matured, status.effective_units),
        (Some(41), Some(40))
    );
    assert_eq!(
        status.forecast_at.as_ref().unwrap().0.as_second(),
        10_800,
        "by the hour"
    );
    assert!(!serde_json::to_string(&status).unwrap().contains("NaN"));
}

#[test]
fn each_check_of_the_data_has_its_condition() {
    let with = |change: fn(&mut domain::experiment::Evaluation)| {
        let mut row = evaluated();
        change(row.evaluation.as_mut().unwrap());
        status_of_row(row)
    };
    let fine = with(|_| {});
    assert_eq!(condition(&fine, ConditionType::Ready), "True Collecting");
    assert_eq!(condition(&fine, ConditionType::DataFresh), "True Succeeded");
    assert_eq!(
        condition(&fine, ConditionType::SampleRatioOK),
        "True Succeeded"
    );
    assert_eq!(
        condition(&fine, ConditionType::Powered),
        "Unknown NoHistory"
    );
    let stale = with(|found| found.data_fresh = false);
    assert_eq!(
        condition(&stale, ConditionType::DataFresh),
        "False TooManyMissing"
    );
    assert_eq!(
        condition(&stale, ConditionType::DecisionReached),
        "False TooManyMissing"
    );
    let skewed = with(|found| {
        found.ratio_mismatch = RatioMismatch {
            exposure: Some(0.000_1),
            ..RatioMismatch::default()
        };
    });
    assert_eq!(
        condition(&skewed, ConditionType::SampleRatioOK),
        "False SampleRatioMismatch"
    );
    let weak = with(|found| {
        found.power = Power::Known {
            detectable_bp: 5_000,
            reachable: false,
        };
    });
    assert_eq!(
        condition(&weak, ConditionType::Powered),
        "False NotReachable"
    );
    let violated = with(|found| {
        found.guardrails = vec![GuardrailFigures {
            name: "hides".into(),
            arm: 1,
            state: GuardrailState::Violated,
            worsening: None,
            bound: None,
        }];
    });
    assert_eq!(
        condition(&violated, ConditionType::GuardrailsOK),
        "False GuardrailViolated"
    );
}

#[test]
fn the_phase_follows_how_it_ended() {
    let ended = |verdict: &str, reason| {
        status_of_row(ExperimentRow {
            ended_at: Some(Utc::now()),
            ended_reason: Some(reason),
            verdict: Some(verdict.into()),
            ..evaluated()
        })
    };
    let invalid = ended("Invalid", EndReason::Decided);
    assert_eq!(invalid.phase, Some(ExperimentPhase::Invalid));
    assert_eq!(condition(&invalid, ConditionType::Stalled), "True Invalid");
    let over = ended("Inconclusive", EndReason::Decided);
    assert_eq!(over.phase, Some(ExperimentPhase::Decided));
    assert_eq!(condition(&over, ConditionType::Ready), "True Inconclusive");
    let cancelled = ended("Inconclusive", EndReason::Cancelled);
    assert_eq!(cancelled.phase, Some(ExperimentPhase::Cancelled));
    assert_eq!(
        condition(&cancelled, ConditionType::DecisionReached),
        "True Cancelled"
    );
    assert_eq!(
        status_of(&Applied::default()).phase,
        Some(ExperimentPhase::Draft)
    );
}

/// An outage keeps what was last known, the verdict included.
#[test]
fn an_outage_keeps_figures_and_verdict() {
    let before = status_of_row(evaluated());
    let after = build_unavailable(&before, Some(1), "Postgres: gone", Timestamp::UNIX_EPOCH);
    assert_eq!(after.arms, before.arms);
    assert_eq!(
        condition(&after, ConditionType::Reconciling),
        "True DependencyUnavailable"
    );
    assert_eq!(after.phase, Some(ExperimentPhase::Running));
}

#[test]
fn the_same_rows_give_the_same_status() {
    let row = evaluated();
    let once = status_of_row(row.clone());
    let applied = Applied {
        row: Some(row),
        ..Applied::default()
    };
    assert_eq!(
        build(&once, &validated(), &applied, Timestamp::UNIX_EPOCH),
        once
    );
}
