//! The rows that evidence is made of, read within one snapshot.

use super::super::rows::ExperimentRow;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::experiment::{ArmCounts, EpochCounts, MaturedUnit, Outcome, WeightEpoch};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
pub(super) struct UnitRow {
    id: Uuid,
    arm: i32,
    weight_epoch: i32,
    probability: f64,
    assigned_at: DateTime<Utc>,
    matured_at: DateTime<Utc>,
    pub maturity: i64,
    fate: String,
    y: Vec<f64>,
    x: Vec<f64>,
    covariates: Vec<f64>,
}

#[derive(sqlx::FromRow)]
pub(super) struct CountRow {
    weight_epoch: i32,
    arm: i32,
    assigned: i64,
    exposed: i64,
    matured: i64,
    lost: i64,
    missing: i64,
    pub open: i64,
}

pub(super) async fn read_row(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Option<ExperimentRow>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM experiments WHERE uid = $1")
        .bind(uid)
        .fetch_optional(&mut **transaction)
        .await?)
}

pub(super) async fn frozen_history(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Vec<Outcome>, StoreError> {
    let Json(history) = sqlx::query_scalar("SELECT history FROM experiments WHERE uid = $1")
        .bind(uid)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(history)
}

pub(super) async fn epochs(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Vec<WeightEpoch>, StoreError> {
    let rows: Vec<(i32, DateTime<Utc>, Vec<i32>)> = sqlx::query_as(
        "SELECT epoch, since, weights_bp FROM experiment_weights WHERE experiment_uid = $1 ORDER BY epoch",
    )
    .bind(uid)
    .fetch_all(&mut **transaction)
    .await?;
    let epoch = |(number, since, weights): (i32, DateTime<Utc>, Vec<i32>)| WeightEpoch {
        number,
        since: since.timestamp(),
        weights_bp: weights
            .into_iter()
            .map(|weight| u32::try_from(weight).unwrap_or(0))
            .collect(),
    };
    Ok(rows.into_iter().map(epoch).collect())
}

pub(super) async fn counts(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Vec<CountRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT weight_epoch, arm, count(*) AS assigned, count(*) FILTER (WHERE (exposed_at IS NOT NULL OR participant IS NOT NULL)
                 AND fate IS DISTINCT FROM 'zero' AND fate IS DISTINCT FROM 'excluded') AS exposed,
             count(*) FILTER (WHERE fate IN ('published', 'zero')) AS matured,
             count(*) FILTER (WHERE fate IN ('zero', 'excluded')) AS lost,
             count(*) FILTER (WHERE fate = 'missing') AS missing, count(*) FILTER (WHERE fate IS NULL) AS open
         FROM experiment_units WHERE experiment_uid = $1 GROUP BY weight_epoch, arm ORDER BY weight_epoch, arm",
    )
    .bind(uid)
    .fetch_all(&mut **transaction)
    .await?)
}

pub(super) fn by_epoch(counts: &[CountRow], arms: usize) -> Vec<EpochCounts> {
    let mut epochs: Vec<EpochCounts> = Vec::new();
    for count in counts {
        if epochs
            .last()
            .is_none_or(|last| last.epoch != count.weight_epoch)
        {
            epochs.push(EpochCounts {
                epoch: count.weight_epoch,
                arms: vec![ArmCounts::default(); arms],
            });
        }
        let arm = usize::try_from(count.arm).unwrap_or(usize::MAX);
        if let Some(slot) = epochs.last_mut().and_then(|last| last.arms.get_mut(arm)) {
            *slot = ArmCounts {
                assigned: count.assigned.unsigned_abs(),
                exposed: count.exposed.unsigned_abs(),
                matured: count.matured.unsigned_abs(),
                lost: count.lost.unsigned_abs(),
            };
        }
    }
    epochs
}

pub(super) fn missing(counts: &[CountRow], arms: usize) -> Vec<u64> {
    let of_arm = |arm: usize| {
        counts
            .iter()
            .filter(|count| usize::try_from(count.arm) == Ok(arm))
            .map(|count| count.missing.unsigned_abs())
            .sum()
    };
    (0..arms).map(of_arm).collect()
}

pub(super) async fn units(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    upto: i64,
) -> Result<Vec<UnitRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, arm, weight_epoch, probability, assigned_at, matured_at, maturity, fate, y, x, covariates FROM experiment_units
         WHERE experiment_uid = $1 AND maturity <= $2 ORDER BY maturity",
    )
    .bind(uid)
    .bind(upto)
    .fetch_all(&mut **transaction)
    .await?)
}

/// A unit that counts; none for one that is missing or outside the estimand.
pub(super) fn matured_unit(row: &UnitRow) -> Option<MaturedUnit> {
    if row.fate != "published" && row.fate != "zero" {
        return None;
    }
    let mut outcomes = row
        .y
        .iter()
        .zip(&row.x)
        .map(|(y, x)| Outcome { y: *y, x: *x });
    Some(MaturedUnit {
        id: row.id,
        arm: u16::try_from(row.arm).ok()?,
        epoch: row.weight_epoch,
        probability: row.probability,
        assigned_at: row.assigned_at.timestamp(),
        matured_at: row.matured_at.timestamp(),
        published: row.fate == "published",
        objective: outcomes.next().unwrap_or_default(),
        extra: outcomes.collect(),
        covariates: row.covariates.clone(),
    })
}

pub(super) async fn tokens_spent(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(sum(prompt_tokens + completion_tokens + embedding_tokens), 0)::bigint
         FROM usage WHERE task_id IN (SELECT task_id FROM experiment_units WHERE experiment_uid = $1)",
    )
    .bind(uid)
    .fetch_one(&mut **transaction)
    .await?)
}

/// Units assigned a day over the last week, or since the start if that is shorter.
pub(super) async fn units_per_day(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    started_at: DateTime<Utc>,
) -> Result<Option<f64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT CASE WHEN now() - $2 >= interval '1 day' THEN
             count(*) * 86400.0 / least(extract(epoch FROM now() - $2), 604800.0) END::double precision
         FROM experiment_units WHERE experiment_uid = $1 AND assigned_at > now() - interval '7 days'",
    )
    .bind(uid)
    .bind(started_at)
    .fetch_one(&mut **transaction)
    .await?)
}
