//! Participants get their arms. The first assignment holds for ever, and exposes.

use super::ApiStore;
use crate::postgres::{StoreError, operator::experiments::ArmRecord};
use chrono::{DateTime, Utc};
use domain::{
    experiment::{Covariate, Design, KnownBefore, Metric, UnitKind, covariate_values},
    names::unit_of_participant,
    statistics::assign::assign,
};
use sqlx::{Postgres, Transaction, types::Json};
use uuid::Uuid;

/// What a participant was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    pub experiment: Uuid,
    /// The unit, which is the subject of what is told of the participant.
    pub unit: Uuid,
    pub arm: ArmRecord,
    pub control: bool,
    /// With which the arm was given, in (0, 1].
    pub probability: f64,
    pub weight_epoch: i32,
    pub assigned_at: DateTime<Utc>,
    /// False where it was given before.
    pub first: bool,
}

/// What an assignment came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Assignment {
    Given(Box<Assigned>),
    NoSuchExperiment,
    /// Its unit is the post: tasks are assigned by the operator.
    UnitIsPost,
    /// It takes nobody new: why, in a clause.
    Closed(&'static str),
}

#[derive(sqlx::FromRow)]
struct Row {
    uid: Uuid,
    namespace: String,
    design: Json<Design>,
    arms: Json<Vec<ArmRecord>>,
    assignment_key: Vec<u8>,
    started: bool,
    suspended: bool,
    ended: bool,
    weight_epoch: i32,
    weights_bp: Option<Vec<i32>>,
}

#[derive(sqlx::FromRow)]
struct UnitRow {
    id: Uuid,
    arm: i32,
    probability: f64,
    weight_epoch: i32,
    assigned_at: DateTime<Utc>,
}

impl ApiStore {
    /// The participant's arm: the one that was given before, or a new one by the weights in force.
    ///
    /// # Errors
    /// Database errors, or weights that do not sum up.
    pub async fn assign(
        &self,
        namespace: &str,
        experiment: &str,
        participant: &str,
    ) -> Result<Assignment, StoreError> {
        let mut transaction = self.begin(namespace).await?;
        let Some(row) = read(&mut transaction, experiment).await? else {
            return Ok(Assignment::NoSuchExperiment);
        };
        if row.design.0.unit != UnitKind::Participant {
            return Ok(Assignment::UnitIsPost);
        }
        if let Some(unit) = unit_of(&mut transaction, row.uid, participant).await? {
            return row.given(&unit, false);
        }
        if let Some(why) = row.closed() {
            return Ok(Assignment::Closed(why));
        }
        if !has_room(&mut transaction, &row).await? {
            // The last place may have gone to this very participant while this call waited for the count.
            return match unit_of(&mut transaction, row.uid, participant).await? {
                Some(unit) => row.given(&unit, false),
                None => Ok(Assignment::Closed(
                    "has as many participants as stopping.maxUnits allows",
                )),
            };
        }
        let first = insert(&mut transaction, &row, participant).await?;
        let unit = unit_of(&mut transaction, row.uid, participant).await?;
        transaction.commit().await?;
        if first {
            self.wake.notify_one();
        }
        match unit {
            Some(unit) => row.given(&unit, first),
            None => Ok(Assignment::Closed("ended or was suspended just now")),
        }
    }
}

impl Row {
    fn closed(&self) -> Option<&'static str> {
        if !self.started {
            Some("has not started")
        } else if self.ended {
            Some("has ended")
        } else if self.suspended {
            Some("is suspended")
        } else {
            None
        }
    }

    /// Weights of the epoch in force.
    fn weights(&self) -> Vec<u32> {
        match &self.weights_bp {
            Some(weights) => weights
                .iter()
                .map(|weight| u32::try_from(*weight).unwrap_or(0))
                .collect(),
            None => self.design.arms.iter().map(|arm| arm.weight_bp).collect(),
        }
    }

    fn given(&self, unit: &UnitRow, first: bool) -> Result<Assignment, StoreError> {
        let place = usize::try_from(unit.arm).unwrap_or(usize::MAX);
        let arm = self.arms.get(place).cloned().ok_or_else(|| {
            StoreError::Invalid(format!("experiment {} has no arm {place}", self.uid))
        })?;
        Ok(Assignment::Given(Box::new(Assigned {
            experiment: self.uid,
            unit: unit.id,
            arm,
            control: place == self.design.control(),
            probability: unit.probability,
            weight_epoch: unit.weight_epoch,
            assigned_at: unit.assigned_at,
            first,
        })))
    }
}

/// The experiment with the weights in force, in one look: an epoch that changes meanwhile changes neither.
async fn read(
    transaction: &mut Transaction<'static, Postgres>,
    name: &str,
) -> Result<Option<Row>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT experiment.uid, experiment.namespace, experiment.design, experiment.arms, experiment.assignment_key,
             experiment.started_at IS NOT NULL AS started, experiment.suspended,
             experiment.ended_at IS NOT NULL OR experiment.gone_at IS NOT NULL AS ended, experiment.weight_epoch, weights.weights_bp
         FROM experiments experiment
         LEFT JOIN experiment_weights weights ON weights.experiment_uid = experiment.uid AND weights.epoch = experiment.weight_epoch
         WHERE experiment.name = $1 ORDER BY experiment.gone_at IS NOT NULL, experiment.created_at DESC LIMIT 1",
    )
    .bind(name)
    .fetch_optional(&mut **transaction)
    .await?)
}

async fn unit_of(
    transaction: &mut Transaction<'static, Postgres>,
    experiment: Uuid,
    participant: &str,
) -> Result<Option<UnitRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, arm, probability, weight_epoch, assigned_at FROM experiment_units WHERE experiment_uid = $1 AND participant = $2",
    )
    .bind(experiment)
    .bind(participant)
    .fetch_optional(&mut **transaction)
    .await?)
}

/// Whether `maxUnits` leaves room; assignments of a bounded experiment count one after another.
async fn has_room(
    transaction: &mut Transaction<'static, Postgres>,
    row: &Row,
) -> Result<bool, StoreError> {
    let Some(limit) = row.design.stopping.max_units else {
        return Ok(true);
    };
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('units ' || $1::text, 0))")
        .bind(row.uid)
        .execute(&mut **transaction)
        .await?;
    let taken: i64 =
        sqlx::query_scalar("SELECT count(*) FROM experiment_units WHERE experiment_uid = $1")
            .bind(row.uid)
            .fetch_one(&mut **transaction)
            .await?;
    Ok(taken.unsigned_abs() < limit)
}

/// Writes the unit; false where another call was faster, which it then waits for, or where the experiment ended meanwhile.
async fn insert(
    transaction: &mut Transaction<'static, Postgres>,
    row: &Row,
    participant: &str,
) -> Result<bool, StoreError> {
    let unit = unit_of_participant(row.uid, participant);
    let given = assign(
        &row.assignment_key,
        row.uid,
        &unit.to_string(),
        &row.weights(),
    )
    .ok_or_else(|| {
        StoreError::Invalid(format!(
            "the weights of experiment {} do not sum up",
            row.uid
        ))
    })?;
    let known = known_before(transaction, row, participant).await?;
    let freeze_after = row.design.attribution_seconds + row.design.ingest_grace_seconds;
    let done = sqlx::query(
        "INSERT INTO experiment_units (id, experiment_uid, namespace, participant, arm, probability, weight_epoch, covariates,
             assigned_at, exposed_at, freezes_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, clock.now, clock.now, clock.now + make_interval(secs => $9)
         FROM (SELECT clock_timestamp() AS now) clock, experiments experiment
         WHERE experiment.uid = $2 AND experiment.ended_at IS NULL AND experiment.gone_at IS NULL AND NOT experiment.suspended
         ON CONFLICT DO NOTHING",
    )
    .bind(unit)
    .bind(row.uid)
    .bind(&row.namespace)
    .bind(participant)
    .bind(i32::try_from(given.arm).unwrap_or(i32::MAX))
    .bind(given.probability())
    .bind(row.weight_epoch)
    .bind(covariate_values(&row.design.covariates, &known))
    .bind(freeze_after as f64)
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The clock, and the participant's own figure of the last experiment with the same metric.
async fn known_before(
    transaction: &mut Transaction<'static, Postgres>,
    row: &Row,
    participant: &str,
) -> Result<KnownBefore, StoreError> {
    let metric: &Metric = &row.design.metric;
    let own_past: Option<f64> = if row.design.covariates.contains(&Covariate::OwnPast) {
        sqlx::query_scalar(
            "SELECT CASE WHEN unit.x[1] > 0 THEN unit.y[1] / unit.x[1] ELSE 0 END
             FROM experiment_units unit JOIN experiments earlier ON earlier.uid = unit.experiment_uid
             WHERE unit.participant = $1 AND earlier.uid <> $2 AND earlier.design->'metric' = $3 AND unit.fate = 'published'
             ORDER BY unit.matured_at DESC LIMIT 1",
        )
        .bind(participant)
        .bind(row.uid)
        .bind(Json(metric))
        .fetch_optional(&mut **transaction)
        .await?
    } else {
        None
    };
    Ok(KnownBefore {
        assigned_at: Utc::now().timestamp(),
        trailing_mean: 0.0,
        own_past: own_past.unwrap_or(0.0),
    })
}
