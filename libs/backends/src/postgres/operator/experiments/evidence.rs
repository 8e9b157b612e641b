//! From frozen rows to the input of an evaluation, at one moment of the server's clock.

mod reads;

use super::rows::ExperimentRow;
use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::experiment::{Evaluation, Evidence, MetricKind, Outcome, UnitKind, canary::Canary};
use reads::{
    by_epoch, counts, epochs, frozen_history, matured_unit, missing, read_row, tokens_spent, units,
    units_per_day,
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
