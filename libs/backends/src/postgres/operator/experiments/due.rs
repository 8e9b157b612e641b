//! Which running experiments changed, and when something is due next: one query for all of them.

use crate::postgres::{StoreError, operator::OperatorStore};
use uuid::Uuid;

/// A running experiment, a mark that changes whenever its evidence may have, and when its next deadline is.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RunningMark {
    pub uid: Uuid,
    pub namespace: String,
    pub name: String,
    pub mark: String,
    /// Seconds until a unit freezes, weights may change, or the minimum or maximum duration is over; zero or less means now,
    /// none means never.
    pub due_seconds: Option<f64>,
}

impl OperatorStore {
    /// The marks of all running experiments that are not suspended.
    ///
    /// Deadlines of the whole experiment count until an evaluation came after them; those of units until they matured.
    ///
    /// # Errors
    /// Database errors.
    pub async fn running_experiments(&self) -> Result<Vec<RunningMark>, StoreError> {
        Ok(sqlx::query_as(
            "WITH running AS (
                 SELECT uid, namespace, name, design, started_at, coalesce(evaluated_at, '-infinity') AS evaluated_at, weight_epoch
                 FROM experiments WHERE started_at IS NOT NULL AND ended_at IS NULL AND gone_at IS NULL AND NOT suspended),
             counted AS (
                 SELECT unit.experiment_uid, count(*) AS assigned, count(unit.exposed_at) AS exposed, count(unit.matured_at) AS matured
                 FROM experiment_units unit WHERE unit.experiment_uid IN (SELECT uid FROM running) GROUP BY unit.experiment_uid),
             units AS (
                 SELECT running.uid, min(CASE
                     WHEN unit.exposed_at IS NOT NULL OR unit.participant IS NOT NULL THEN
                         coalesce(unit.freezes_at, coalesce(unit.exposed_at, unit.assigned_at) + make_interval(secs =>
                             (running.design->>'attributionSeconds')::float8 + (running.design->>'ingestGraceSeconds')::float8))
                     WHEN task.status IS NULL OR task.status IN ('rejected', 'failed', 'cancelled', 'dead_lettered') THEN now()
                     ELSE unit.assigned_at + make_interval(secs => (running.design->>'publishDeadlineSeconds')::float8) END) AS due_at
                 FROM running JOIN experiment_units unit ON unit.experiment_uid = running.uid AND unit.matured_at IS NULL
                 LEFT JOIN tasks task ON task.id = unit.task_id GROUP BY running.uid),
             wholes AS (
                 SELECT running.uid, min(deadline.at) AS due_at
                 FROM running LEFT JOIN experiment_weights weights
                     ON weights.experiment_uid = running.uid AND weights.epoch = running.weight_epoch
                 CROSS JOIN LATERAL (SELECT (running.design#>>'{allocation,Bandit,cadenceSeconds}')::float8 AS cadence) AS bandit
                 CROSS JOIN LATERAL (VALUES
                     (running.started_at),
                     (running.started_at + make_interval(secs => (running.design#>>'{stopping,minSeconds}')::float8)),
                     (running.started_at + make_interval(secs => (running.design#>>'{stopping,maxSeconds}')::float8)),
                     (CASE WHEN bandit.cadence > 0 THEN weights.since + make_interval(secs => bandit.cadence * (1 + greatest(0, floor(
                         extract(epoch FROM greatest(running.evaluated_at, weights.since) - weights.since)::float8 / bandit.cadence)))) END)
                 ) AS deadline (at)
                 WHERE deadline.at > running.evaluated_at GROUP BY running.uid)
             SELECT running.uid, running.namespace, running.name,
                 concat_ws(' ', running.started_at, counted.assigned, counted.exposed, counted.matured, running.weight_epoch) AS mark,
                 extract(epoch FROM least(units.due_at, wholes.due_at) - now())::double precision AS due_seconds
             FROM running LEFT JOIN counted ON counted.experiment_uid = running.uid LEFT JOIN units ON units.uid = running.uid
             LEFT JOIN wholes ON wholes.uid = running.uid",
        )
        .fetch_all(self.pool())
        .await?)
    }
}
