//! When the sweep has something to decide next.

use crate::postgres::{StoreError, operator::OperatorStore};

/// Seconds until something is due, by the database's clock; zero or less means now, none means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, sqlx::FromRow)]
pub struct Due {
    /// A lease ends, a wait between attempts ends, a deadline passes.
    pub sweep_seconds: Option<f64>,
    /// A message has not been acted upon for so long that its queue should be looked at.
    pub unclaimed_seconds: Option<f64>,
    /// Tasks are parked for want of tokens.
    pub parked: bool,
}

impl OperatorStore {
    /// What is due next, in one query over small partial indexes.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next_due(&self) -> Result<Due, StoreError> {
        Ok(sqlx::query_as(
            "WITH open AS (
                 SELECT task.status, task.not_before, task.lease_until, run.deadline_at, message.sent_at,
                     message.id IS NOT NULL AS has_message,
                     run.cancelled OR run.gone_at IS NOT NULL OR persona.gone_at IS NOT NULL AS ending,
                     run.suspended OR persona.suspended OR (SELECT paused FROM install_settings) AS held
                 FROM tasks task JOIN content_runs run ON run.id = task.run_id JOIN personas persona ON persona.uid = task.persona_uid
                 LEFT JOIN outbox message ON message.task_id = task.id AND message.attempt = task.claims
                 WHERE task.status IN ('queued', 'processing', 'parked')),
             due AS (
                 SELECT CASE
                         WHEN status = 'processing' THEN lease_until
                         WHEN ending THEN now()
                         WHEN status = 'queued' AND NOT has_message AND NOT held THEN least(not_before, deadline_at)
                         ELSE deadline_at END AS sweep_at,
                     CASE WHEN status = 'queued' AND NOT held AND NOT ending
                         THEN greatest(sent_at, not_before) + make_interval(secs => $1) END AS unclaimed_at,
                     status = 'parked' AS parked
                 FROM open)
             SELECT extract(epoch FROM min(sweep_at) - now())::double precision AS sweep_seconds,
                 extract(epoch FROM min(unclaimed_at) - now())::double precision AS unclaimed_seconds,
                 coalesce(bool_or(parked), false) AS parked
             FROM due",
        )
        .bind(super::UNCLAIMED_SECONDS)
        .fetch_one(self.pool())
        .await?)
    }
}
