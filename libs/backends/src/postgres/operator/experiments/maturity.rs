//! Maturity: a unit enters the analysis once, in order, with values that are frozen from then on.

use super::rows::{self, ExperimentRow};
use crate::postgres::{StoreError, operator::OperatorStore};
use chrono::{DateTime, Utc};
use domain::experiment::{Design, Estimand, Metric, MetricKind, Outcome, UnitKind};
use serde_json::{Map, Value};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// Units that mature in one transaction: ingest of the namespace waits meanwhile.
const BATCH: usize = 5_000;

/// How many units matured, by what they came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matured {
    pub published: u64,
    pub zero: u64,
    pub missing: u64,
    pub excluded: u64,
}

impl Matured {
    /// All of them.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.published + self.zero + self.missing + self.excluded
    }

    fn note(&mut self, fate: Fate) {
        match fate {
            Fate::Published => self.published += 1,
            Fate::Zero => self.zero += 1,
            Fate::Missing => self.missing += 1,
            Fate::Excluded => self.excluded += 1,
        }
    }
}

/// What a unit came to; the words of the column `fate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Published,
    Zero,
    Missing,
    Excluded,
}

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Zero => "zero",
            Self::Missing => "missing",
            Self::Excluded => "excluded",
        }
    }
}

/// A unit whose time has come.
#[derive(Debug, sqlx::FromRow)]
struct DueUnit {
    id: Uuid,
    exposed: bool,
    /// Sum or newest snapshot by metric; none where nothing was ever told of it.
    totals: Option<Json<Map<String, Value>>>,
    /// Whether its feed was complete up to the end of its window.
    covered: bool,
}

impl OperatorStore {
    /// Matures every unit of a running experiment whose time has come by the server's clock, in the order of (time, id), and
    /// freezes what was told of it so far. A unit matures once; repeating the call matures what came due since.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn mature_units(&self, uid: Uuid) -> Result<Matured, StoreError> {
        let mut matured = Matured::default();
        loop {
            let before = matured.units();
            self.mature_batch(uid, &mut matured).await?;
            if matured.units() - before < BATCH as u64 {
                return Ok(matured);
            }
        }
    }

    async fn mature_batch(&self, uid: Uuid, matured: &mut Matured) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let namespace: String =
            sqlx::query_scalar("SELECT namespace FROM experiments WHERE uid = $1")
                .bind(uid)
                .fetch_one(&mut *transaction)
                .await?;
        // Before the row, in the order in which ingest takes them: the advisory lock shared, then rows.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('outcomes ' || $1, 0))")
            .bind(&namespace)
            .execute(&mut *transaction)
            .await?;
        let row = rows::lock(&mut transaction, uid).await?;
        if !row.is_running() || row.suspended {
            return Ok(());
        }
        // After the lock: every outcome that was received before this moment has committed.
        let now: DateTime<Utc> = sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(&mut *transaction)
            .await?;
        let due = due_units(&mut transaction, &row, now).await?;
        freeze(&mut transaction, &row, now, &due, matured).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn due_units(
    transaction: &mut Transaction<'static, Postgres>,
    row: &ExperimentRow,
    now: DateTime<Utc>,
) -> Result<Vec<DueUnit>, StoreError> {
    let design = &row.design;
    let seconds = |seconds: i64| seconds as f64;
    Ok(sqlx::query_as(
        "WITH open AS (
             SELECT unit.id, unit.task_id, coalesce(unit.exposed_at, CASE WHEN unit.task_id IS NULL THEN unit.assigned_at END) AS exposed_at,
                 unit.freezes_at, unit.assigned_at, task.status, task.completed_at
             FROM experiment_units unit LEFT JOIN tasks task ON task.id = unit.task_id
             WHERE unit.experiment_uid = $1 AND unit.matured_at IS NULL),
         timed AS (
             SELECT id, task_id, exposed_at, CASE
                 WHEN exposed_at IS NOT NULL THEN coalesce(freezes_at, exposed_at + make_interval(secs => $3 + $4))
                 WHEN status IS NULL OR status IN ('rejected', 'failed', 'cancelled', 'dead_lettered')
                     THEN least(greatest(completed_at, assigned_at), assigned_at + make_interval(secs => $5))
                 ELSE assigned_at + make_interval(secs => $5) END AS due_at
             FROM open)
         SELECT timed.id, timed.exposed_at IS NOT NULL AS exposed,
             (SELECT jsonb_object_agg(metric, coalesce(snapshot, events)) FROM outcome_totals
              WHERE subject = coalesce(post.id, timed.id)) AS totals,
             coalesce((SELECT through >= timed.exposed_at + make_interval(secs => $3) FROM outcome_feeds
                       WHERE namespace = $6 AND feed = $7), false) AS covered
         FROM timed LEFT JOIN posts post ON post.task_id = timed.task_id
         WHERE due_at <= $2 ORDER BY due_at, timed.id LIMIT $8",
    )
    .bind(row.uid)
    .bind(now)
    .bind(seconds(design.attribution_seconds))
    .bind(seconds(design.ingest_grace_seconds))
    .bind(seconds(design.publish_deadline_seconds))
    .bind(&row.namespace)
    .bind(&design.feed)
    .bind(BATCH as i64)
    .fetch_all(&mut **transaction)
    .await?)
}

async fn freeze(
    transaction: &mut Transaction<'static, Postgres>,
    row: &ExperimentRow,
    now: DateTime<Utc>,
    due: &[DueUnit],
    matured: &mut Matured,
) -> Result<(), StoreError> {
    let metrics: Vec<&Metric> = std::iter::once(&row.design.metric)
        .chain(row.design.extra_metrics())
        .collect();
    let (mut ids, mut fates) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
    let (mut y, mut x) = (Vec::new(), Vec::new());
    for unit in due {
        let fate = fate_of(unit, &row.design);
        matured.note(fate);
        ids.push(unit.id);
        fates.push(fate.as_str());
        for metric in &metrics {
            let outcome = value_of(unit, fate, metric);
            y.push(outcome.y);
            x.push(outcome.x);
        }
    }
    sqlx::query(
        "WITH last AS (SELECT coalesce(max(maturity), 0) AS maturity FROM experiment_units WHERE experiment_uid = $1)
         UPDATE experiment_units unit SET matured_at = $2, maturity = last.maturity + item.ordinality, fate = item.fate,
             y = ($5::float8[])[(item.ordinality - 1) * $7 + 1 : item.ordinality * $7],
             x = ($6::float8[])[(item.ordinality - 1) * $7 + 1 : item.ordinality * $7]
         FROM last, unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS item (id, fate, ordinality)
         WHERE unit.id = item.id AND unit.matured_at IS NULL",
    )
    .bind(row.uid)
    .bind(now)
    .bind(ids)
    .bind(fates)
    .bind(y)
    .bind(x)
    .bind(metrics.len() as i64)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn fate_of(unit: &DueUnit, design: &Design) -> Fate {
    match (unit.exposed, design.estimand) {
        (false, Estimand::PerTask) => Fate::Zero,
        (false, Estimand::AmongPublished) => Fate::Excluded,
        // A participant's silence is what most participants give; a post's silence is a feed that told nothing.
        (true, _)
            if unit.totals.is_some() || unit.covered || design.unit == UnitKind::Participant =>
        {
            Fate::Published
        }
        (true, _) => Fate::Missing,
    }
}

/// What a metric came to on a unit. Without a denominator each unit counts once.
fn value_of(unit: &DueUnit, fate: Fate, metric: &Metric) -> Outcome {
    if fate != Fate::Published {
        return Outcome::default();
    }
    let total = |name: &str| {
        unit.totals
            .as_ref()
            .and_then(|totals| totals.get(name)?.as_f64())
            .filter(|total| total.is_finite() && *total >= 0.0)
            .unwrap_or(0.0)
    };
    let numerator = total(&metric.numerator);
    match (metric.kind, &metric.denominator) {
        (MetricKind::Proportion, _) => Outcome {
            y: if numerator > 0.0 { 1.0 } else { 0.0 },
            x: 1.0,
        },
        (_, Some(denominator)) => Outcome {
            y: numerator,
            x: total(denominator),
        },
        (_, None) => Outcome {
            y: numerator,
            x: 1.0,
        },
    }
}
