//! What becomes of tasks of analysis that no worker ends, and explicit rescoring.

use crate::postgres::{
    StoreError,
    achievements::ANALYSIS_PROTOCOL,
    operator::{OperatorStore, sweep::SYSTEM_FAILURES_MAX},
};
use domain::names;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// Records in one statement of a rescoring.
const BATCH: i64 = 1_000;

/// What one sweep decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweptAnalyses {
    /// Leases that expired.
    pub expired: u64,
    /// Of these, tasks that had lost their last worker.
    pub system_failed: u64,
    /// Tasks of a deleted record.
    pub cancelled: u64,
    /// Tasks that another source's workers have to do, because theirs is gone or there was none.
    pub moved: u64,
}

impl OperatorStore {
    /// Takes leases back that have expired, ends what belongs to deleted records, and gives tasks whose source is gone to the source
    /// by whose settings the record is analysed now. The messages of what is claimable again are queued by the same transaction.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn sweep_analyses(&self) -> Result<SweptAnalyses, StoreError> {
        let mut transaction = self.begin().await?;
        let (expired, system_failed): (i64, i64) = sqlx::query_as(
            "WITH lost AS (
                 SELECT id, system_failures + 1 AS failures FROM achievement_tasks
                 WHERE status = 'processing' AND lease_until < now() ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED),
             ended AS (
                 UPDATE achievement_tasks task SET lease_token = NULL, lease_until = NULL, system_failures = lost.failures,
                     status = CASE WHEN lost.failures >= $1 THEN 'failed' ELSE 'queued' END,
                     not_before = now() + make_interval(secs => CASE WHEN lost.failures >= $1 THEN 0 ELSE power(2, lost.failures - 1) END),
                     completed_at = CASE WHEN lost.failures >= $1 THEN greatest(now(), task.started_at) END,
                     error_code = CASE WHEN lost.failures >= $1 THEN 'SystemFailures' ELSE error_code END,
                     error_message = CASE WHEN lost.failures >= $1
                         THEN format('%s workers were lost while they analysed this record', lost.failures) ELSE error_message END
                 FROM lost WHERE task.id = lost.id RETURNING task.status)
             SELECT count(*), count(*) FILTER (WHERE status = 'failed') FROM ended",
        )
        .bind(SYSTEM_FAILURES_MAX)
        .fetch_one(&mut *transaction)
        .await?;
        let swept = SweptAnalyses {
            expired: expired.unsigned_abs(),
            system_failed: system_failed.unsigned_abs(),
            cancelled: cancel_deleted(&mut transaction).await?,
            moved: move_orphans(&mut transaction).await?,
        };
        if swept != SweptAnalyses::default() {
            sqlx::query("SELECT pg_notify($1, '')")
                .bind(crate::postgres::achievements::ACHIEVEMENTS_CHANNEL)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(swept)
    }

    /// Queues another analysis of every analysed record of a namespace that waits for none, by the formula of the workers that claim
    /// it; answers how many. Nothing is published by it: what was announced stays announced.
    ///
    /// For a store that leads nothing too: it only adds tasks, each of an id of its own.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rescore(&self, namespace: &str) -> Result<u64, StoreError> {
        let mut transaction = self.pool().begin().await?;
        // One rescoring after the other, so that each has its own ordinal.
        sqlx::query("SELECT lock_achievements($1)")
            .bind(namespace)
            .execute(&mut *transaction)
            .await?;
        let ordinal: i32 = sqlx::query_scalar(
            "SELECT coalesce(max(rescoring), 0) + 1 FROM achievement_tasks WHERE namespace = $1",
        )
        .bind(namespace)
        .fetch_one(&mut *transaction)
        .await?;
        let (mut after, mut queued) = (Uuid::nil(), 0);
        loop {
            let batch = analysed_after(&mut transaction, namespace, after).await?;
            let Some((last, _)) = batch.last() else { break };
            after = *last;
            queued += queue(&mut transaction, namespace, &batch, ordinal).await?;
        }
        transaction.commit().await?;
        Ok(queued)
    }
}

async fn cancel_deleted(
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "UPDATE achievement_tasks task SET status = 'cancelled', completed_at = now()
         FROM achievements record
         WHERE task.status = 'queued' AND record.id = task.achievement_id AND record.deleted_at IS NOT NULL",
    )
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}

/// To the source by whose settings the record is compared; else to any of the namespace, whose workers analyse it without; where the
/// namespace has no source it waits for a worker of none.
async fn move_orphans(transaction: &mut Transaction<'static, Postgres>) -> Result<u64, StoreError> {
    Ok(sqlx::query(
        "UPDATE achievement_tasks task SET source_uid = wanted.source
         FROM (SELECT waiting.id, coalesce(analysis_source(waiting.namespace, record.source_uid),
                 (SELECT any_source.uid FROM achievement_sources any_source
                  WHERE any_source.namespace = waiting.namespace AND any_source.gone_at IS NULL AND NOT any_source.suspended
                  ORDER BY any_source.created_at, any_source.uid LIMIT 1)) AS source
             FROM achievement_tasks waiting JOIN achievements record ON record.id = waiting.achievement_id
             LEFT JOIN achievement_sources source ON source.uid = waiting.source_uid AND source.gone_at IS NULL
             WHERE waiting.status = 'queued' AND source.uid IS NULL ORDER BY waiting.id LIMIT 5000) wanted
         WHERE task.id = wanted.id AND task.status = 'queued' AND task.source_uid IS DISTINCT FROM wanted.source",
    )
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}

/// Id and version of facts of the next records that were analysed and wait for no analysis.
async fn analysed_after(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    after: Uuid,
) -> Result<Vec<(Uuid, i32)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, facts_version FROM achievements record
         WHERE namespace = $1 AND id > $2 AND deleted_at IS NULL AND analyzed_version IS NOT NULL
           AND NOT EXISTS (SELECT FROM achievement_tasks task WHERE task.achievement_id = record.id AND task.status = 'queued')
         ORDER BY id LIMIT $3",
    )
    .bind(namespace)
    .bind(after)
    .bind(BATCH)
    .fetch_all(&mut **transaction)
    .await?)
}

async fn queue(
    transaction: &mut Transaction<'static, Postgres>,
    namespace: &str,
    records: &[(Uuid, i32)],
    ordinal: i32,
) -> Result<u64, StoreError> {
    let tasks: Vec<Uuid> = records
        .iter()
        .map(|(id, version)| names::analysis_task_id(*id, *version, ordinal))
        .collect();
    let (ids, versions): (Vec<Uuid>, Vec<i32>) = records.iter().copied().unzip();
    Ok(sqlx::query(
        "INSERT INTO achievement_tasks (id, namespace, achievement_id, source_uid, facts_version, protocol, credentials_digest, rescoring)
         SELECT wanted.task, $1, record.id, source.uid, wanted.version, $5, coalesce(source.credentials_digest, ''), $6
         FROM unnest($2::uuid[], $3::uuid[], $4::integer[]) AS wanted (task, record, version)
         JOIN achievements record ON record.id = wanted.record
         LEFT JOIN achievement_sources source ON source.uid = analysis_source($1, record.source_uid)
         ON CONFLICT DO NOTHING",
    )
    .bind(namespace)
    .bind(tasks)
    .bind(ids)
    .bind(versions)
    .bind(ANALYSIS_PROTOCOL)
    .bind(ordinal)
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}
