//! From frozen rows to the input of an evaluation, at one moment of the server's clock.

use super::rows::ExperimentRow;
use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::experiment::{
    ArmCounts, EpochCounts, Evaluation, Evidence, MaturedUnit, MetricKind, Outcome, UnitKind,
    WeightEpoch, canary::Canary,
};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// Units of before the start that are looked at.
const HISTORY: i64 = 1_000;

/// Evidence, and the place in the order of maturity up to which it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    pub evidence: Evidence,
    pub last_maturity: i64,
    /// The server's clock, of which the evidence has the seconds.
    pub at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct UnitRow {
    id: Uuid,
    arm: i32,
    weight_epoch: i32,
    probability: f64,
    assigned_at: DateTime<Utc>,
    matured_at: DateTime<Utc>,
    maturity: i64,
    fate: String,
    y: Vec<f64>,
    x: Vec<f64>,
    covariates: Vec<f64>,
}

#[derive(sqlx::FromRow)]
struct CountRow {
    weight_epoch: i32,
    arm: i32,
    assigned: i64,
    exposed: i64,
    matured: i64,
    lost: i64,
    missing: i64,
    open: i64,
}

impl OperatorStore {
    /// What was counted of a started experiment so far, in one snapshot of the rows. None before its start.
    ///
    /// # Errors
    /// Database errors.
    pub async fn gather_evidence(&self, uid: Uuid) -> Result<Option<Gathered>, StoreError> {
        let mut transaction = self.snapshot().await?;
        let Some(row) = read_row(&mut transaction, uid).await? else {
            return Ok(None);
        };
        let Some(started_at) = row.started_at else {
            return Ok(None);
        };
        let at: DateTime<Utc> = sqlx::query_scalar("SELECT now()")
            .fetch_one(&mut *transaction)
            .await?;
        let counts = counts(&mut transaction, uid).await?;
        let units = units(&mut transaction, uid, i64::MAX).await?;
        let evidence = Evidence {
            started_at: started_at.timestamp(),
            now: at.timestamp(),
            epochs: epochs(&mut transaction, uid).await?,
            missing: missing(&counts, row.design.arms.len()),
            open_units: counts.iter().map(|count| count.open.unsigned_abs()).sum(),
            counts: by_epoch(&counts, row.design.arms.len()),
            tokens_spent: tokens_spent(&mut transaction, uid).await?,
            history: frozen_history(&mut transaction, uid).await?,
            units_per_day: units_per_day(&mut transaction, uid, started_at).await?,
            units: units.iter().filter_map(matured_unit).collect(),
        };
        Ok(Some(Gathered {
            evidence,
            last_maturity: units.last().map_or(0, |unit| unit.maturity),
            at,
        }))
    }

    /// The evidence of the last recorded evaluation again, from the stored rows. None where nothing was recorded or where the
    /// details were pruned.
    ///
    /// # Errors
    /// Database errors.
    pub async fn counted_evidence(&self, uid: Uuid) -> Result<Option<Gathered>, StoreError> {
        let mut transaction = self.snapshot().await?;
        let counted: Option<(Json<Evidence>, i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT counted, counted_maturity, evaluated_at FROM experiments WHERE uid = $1 AND counted IS NOT NULL
               AND pruned_at IS NULL",
        )
        .bind(uid)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((Json(mut evidence), last_maturity, at)) = counted else {
            return Ok(None);
        };
        let units = units(&mut transaction, uid, last_maturity).await?;
        evidence.units = units.iter().filter_map(matured_unit).collect();
        evidence.history = frozen_history(&mut transaction, uid).await?;
        Ok(Some(Gathered {
            evidence,
            last_maturity,
            at,
        }))
    }

    /// Records an evaluation that decides nothing; answers false where the experiment has ended meanwhile.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn record_evaluation(
        &self,
        uid: Uuid,
        evaluation: &Evaluation,
        gathered: &Gathered,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let recorded = write_evaluation(&mut transaction, uid, evaluation, gathered).await?;
        transaction.commit().await?;
        Ok(recorded)
    }

    /// Stores what the A/A canary came to, by the server's clock.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn record_canary(&self, uid: Uuid, canary: &Canary) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE experiments SET canary = $2, canary_at = clock_timestamp() WHERE uid = $1",
        )
        .bind(uid)
        .bind(Json(canary))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A transaction that only reads, all of it at one moment.
    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.pool().begin().await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

/// Writes what an evaluation came to into the row of an experiment that has not ended.
pub(super) async fn write_evaluation(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    evaluation: &Evaluation,
    gathered: &Gathered,
) -> Result<bool, StoreError> {
    // Units and history stand in rows of their own.
    let counted = Evidence {
        units: Vec::new(),
        history: Vec::new(),
        ..gathered.evidence.clone()
    };
    let written = sqlx::query(
        "UPDATE experiments SET evaluation = $2, evaluated_at = $3, inputs_digest = $4, counted = $5, counted_maturity = $6
         WHERE uid = $1 AND ended_at IS NULL",
    )
    .bind(uid)
    .bind(Json(evaluation))
    .bind(gathered.at)
    .bind(&evaluation.inputs_digest)
    .bind(Json(counted))
    .bind(gathered.last_maturity)
    .execute(&mut **transaction)
    .await?
    .rows_affected();
    Ok(written > 0)
}

/// Objective outcomes of the persona's units from before now, newest last: published posts whose window has passed, or the
/// matured participants of earlier experiments with the same metric.
pub(super) async fn history(
    transaction: &mut Transaction<'static, Postgres>,
    row: &ExperimentRow,
) -> Result<Vec<Outcome>, StoreError> {
    let metric = &row.design.metric;
    let pairs: Vec<(f64, f64)> = match row.design.unit {
        UnitKind::Post => {
            sqlx::query_as(
                "SELECT y, x FROM (
                     SELECT post.published_at, coalesce(numerator.snapshot, numerator.events, 0) AS y,
                         CASE WHEN $4::text IS NULL THEN 1 ELSE coalesce(denominator.snapshot, denominator.events, 0) END AS x
                     FROM posts post
                     LEFT JOIN outcome_totals numerator ON numerator.subject = post.id AND numerator.metric = $3
                     LEFT JOIN outcome_totals denominator ON denominator.subject = post.id AND denominator.metric = $4
                     WHERE post.persona_uid = $1 AND post.published_at <= now() - make_interval(secs => $2)
                       AND EXISTS (SELECT FROM outcome_totals WHERE subject = post.id)
                     ORDER BY post.published_at DESC, post.id DESC LIMIT $5) AS newest ORDER BY published_at",
            )
            .bind(row.persona_uid)
            .bind(row.design.attribution_seconds as f64)
            .bind(&metric.numerator)
            .bind(&metric.denominator)
            .bind(HISTORY)
            .fetch_all(&mut **transaction)
            .await?
        }
        UnitKind::Participant => {
            sqlx::query_as(
                "SELECT y, x FROM (
                     SELECT unit.matured_at, unit.y[1] AS y, unit.x[1] AS x
                     FROM experiment_units unit JOIN experiments earlier ON earlier.uid = unit.experiment_uid
                     WHERE earlier.persona_uid = $1 AND earlier.uid <> $2 AND earlier.design->'metric' = $3
                       AND unit.participant IS NOT NULL AND unit.fate = 'published'
                     ORDER BY unit.matured_at DESC, unit.id DESC LIMIT $4) AS newest ORDER BY matured_at",
            )
            .bind(row.persona_uid)
            .bind(row.uid)
            .bind(Json(metric))
            .bind(HISTORY)
            .fetch_all(&mut **transaction)
            .await?
        }
    };
    let outcome = |(y, x): (f64, f64)| match metric.kind {
        MetricKind::Proportion => Outcome {
            y: if y > 0.0 { 1.0 } else { 0.0 },
            x: 1.0,
        },
        MetricKind::Mean | MetricKind::Ratio => Outcome { y, x },
    };
    Ok(pairs.into_iter().map(outcome).collect())
}

async fn read_row(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Option<ExperimentRow>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM experiments WHERE uid = $1")
        .bind(uid)
        .fetch_optional(&mut **transaction)
        .await?)
}

async fn frozen_history(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<Vec<Outcome>, StoreError> {
    let Json(history) = sqlx::query_scalar("SELECT history FROM experiments WHERE uid = $1")
        .bind(uid)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(history)
}

async fn epochs(
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

async fn counts(
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

fn by_epoch(counts: &[CountRow], arms: usize) -> Vec<EpochCounts> {
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

fn missing(counts: &[CountRow], arms: usize) -> Vec<u64> {
    let of_arm = |arm: usize| {
        counts
            .iter()
            .filter(|count| usize::try_from(count.arm) == Ok(arm))
            .map(|count| count.missing.unsigned_abs())
            .sum()
    };
    (0..arms).map(of_arm).collect()
}

async fn units(
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
fn matured_unit(row: &UnitRow) -> Option<MaturedUnit> {
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

async fn tokens_spent(
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
async fn units_per_day(
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
