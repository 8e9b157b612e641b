//! Figures for the operator's metrics, each in one query for the whole install.

use super::OperatorStore;
use crate::postgres::StoreError;

/// Gauges of work that is not done yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct QueueFigures {
    pub queued: i64,
    pub processing: i64,
    pub parked: i64,
    pub unsent: i64,
    /// Seconds since the oldest of the unsent was written.
    pub oldest_seconds: i64,
    pub points_pending: i64,
    pub analyses_queued: i64,
    pub analyses_processing: i64,
    /// Seconds since the oldest unfinished analysis was asked for.
    pub analyses_oldest_seconds: i64,
}

/// Gauges of personas, their budgets of today (UTC), and experiments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ResourceFigures {
    pub active: i64,
    pub suspended: i64,
    /// Neither suspended nor with tokens left.
    pub budget_spent: i64,
    /// Tokens, of those that have a budget.
    pub tokens_limit: i64,
    pub tokens_spent: i64,
    pub tokens_reserved: i64,
    pub experiments_running: i64,
    /// Decided, and a person has to say yes.
    pub experiments_awaiting: i64,
}

/// What a total counts: a metric's name in the rows, and the values of its labels in order; empty where it has fewer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Total {
    pub metric: String,
    pub first: String,
    pub second: String,
}

impl OperatorStore {
    /// # Errors
    /// Database errors.
    pub async fn queue_figures(&self) -> Result<QueueFigures, StoreError> {
        Ok(sqlx::query_as(
            "SELECT (SELECT count(*) FROM tasks WHERE status = 'queued') AS queued,
                 (SELECT count(*) FROM tasks WHERE status = 'processing') AS processing,
                 (SELECT count(*) FROM tasks WHERE status = 'parked') AS parked,
                 waiting.unsent, waiting.oldest_seconds,
                 (SELECT count(*) FROM posts WHERE point_version < embedding_version)
                     + (SELECT count(*) FROM achievements WHERE embedding IS NOT NULL AND point_version < embedding_version
                         AND deleted_at IS NULL AND collection IS NOT NULL) AS points_pending,
                 analyses.queued AS analyses_queued, analyses.processing AS analyses_processing,
                 analyses.oldest_seconds AS analyses_oldest_seconds
             FROM (SELECT count(*) AS unsent,
                     coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint AS oldest_seconds
                 FROM outbox WHERE sent_at IS NULL) waiting,
                 (SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
                     count(*) FILTER (WHERE status = 'processing') AS processing,
                     coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint AS oldest_seconds
                 FROM (SELECT status, created_at FROM achievement_tasks WHERE status = 'queued'
                     UNION ALL SELECT status, created_at FROM achievement_tasks WHERE status = 'processing') open) analyses",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// # Errors
    /// Database errors.
    pub async fn resource_figures(&self) -> Result<ResourceFigures, StoreError> {
        Ok(sqlx::query_as(
            "SELECT persona.*,
                 (SELECT count(*) FROM experiments WHERE started_at IS NOT NULL AND ended_at IS NULL AND gone_at IS NULL)
                     AS experiments_running,
                 (SELECT count(*) FROM experiments experiment WHERE experiment.ended_at IS NOT NULL AND experiment.gone_at IS NULL
                     AND (SELECT action FROM experiment_decisions WHERE experiment_uid = experiment.uid ORDER BY id DESC LIMIT 1)
                         = 'awaiting') AS experiments_awaiting
             FROM (SELECT count(*) FILTER (WHERE NOT suspended AND NOT is_spent) AS active,
                     count(*) FILTER (WHERE suspended) AS suspended,
                     count(*) FILTER (WHERE NOT suspended AND is_spent) AS budget_spent,
                     coalesce(sum(tokens_per_day), 0)::bigint AS tokens_limit,
                     coalesce(sum(spent) FILTER (WHERE tokens_per_day IS NOT NULL), 0)::bigint AS tokens_spent,
                     coalesce(sum(reserved) FILTER (WHERE tokens_per_day IS NOT NULL), 0)::bigint AS tokens_reserved
                 FROM (SELECT persona.suspended, persona.tokens_per_day, today.spent, today.reserved,
                         coalesce(today.spent + today.reserved >= persona.tokens_per_day, false) AS is_spent
                     FROM personas persona
                     LEFT JOIN token_days today ON today.persona_uid = persona.uid
                         AND today.day = (now() AT TIME ZONE 'UTC')::date
                     WHERE persona.gone_at IS NULL) each) persona",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// Adds up what was committed since, and answers all totals. A total never falls.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn totals(&self) -> Result<Vec<(Total, i64)>, StoreError> {
        let news: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM metric_deltas)")
            .fetch_one(self.pool())
            .await?;
        if news {
            self.add_up().await?;
        }
        let rows: Vec<(String, String, String, i64)> =
            sqlx::query_as("SELECT metric, first, second, amount FROM metric_totals")
                .fetch_all(self.pool())
                .await?;
        Ok(rows
            .into_iter()
            .map(|(metric, first, second, amount)| {
                let total = Total {
                    metric,
                    first,
                    second,
                };
                (total, amount)
            })
            .collect())
    }

    async fn add_up(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "WITH gone AS (DELETE FROM metric_deltas RETURNING metric, first, second, amount)
             INSERT INTO metric_totals AS total (metric, first, second, amount)
             SELECT metric, first, second, sum(amount)::bigint FROM gone GROUP BY metric, first, second
             ON CONFLICT (metric, first, second) DO UPDATE SET amount = total.amount + excluded.amount",
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
