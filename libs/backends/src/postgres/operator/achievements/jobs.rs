//! The worker Jobs of sources, which analyse their records and read their repositories: which are due, which were granted, how they
//! ended.

use crate::postgres::{
    StoreError,
    operator::{
        OperatorStore,
        runs::pods::{self, WaitingRun},
    },
};
use uuid::Uuid;

/// Before a Job that failed is replaced the first time, seconds; each further time it is twice as long, ten minutes at most.
const REPLACE_SECONDS: i32 = 5;

/// Stands for a source's name in the names of Jobs of records that have none.
const UNSOURCED: &str = "declared";

/// A living source for which analyses wait or a backfill is due, or for which a Job was granted.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SourceWork {
    /// `analysis` or `backfill`; at most one Job of each.
    pub kind: String,
    pub source_uid: Uuid,
    pub namespace: String,
    pub namespace_uid: Uuid,
    pub name: String,
    pub credentials_digest: String,
    pub collection: Option<String>,
    pub embedding_model: Option<String>,
    /// Of the newest Job; 0 before the first.
    pub ordinal: i32,
    /// A Job was granted and did not end.
    pub granted: bool,
    /// There is something to do, and the wait after a failed Job is over.
    pub due: bool,
}

impl OperatorStore {
    /// Sources that need a Job or have one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn source_work(&self) -> Result<Vec<SourceWork>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT * FROM (
                 SELECT kinds.kind, source.uid AS source_uid, source.namespace, source.namespace_uid, source.name, source.credentials_digest,
                     source.collection, source.embedding_model, coalesce(job.ordinal, 0) AS ordinal,
                     coalesce(job.pods, 0) > 0 AS granted,
                     NOT source.suspended AND coalesce(job.not_before, now()) <= now() AND CASE kinds.kind
                         WHEN 'backfill' THEN coalesce(source.backfill_due_at <= now(), false)
                         ELSE EXISTS (SELECT FROM achievement_tasks task WHERE task.namespace = source.namespace
                             AND task.source_uid = source.uid AND task.status = 'queued' AND task.not_before <= now()) END AS due
                 FROM achievement_sources source CROSS JOIN (VALUES ('analysis'), ('backfill')) AS kinds (kind)
                 LEFT JOIN achievement_jobs job ON job.namespace_uid = source.namespace_uid AND job.source_uid = source.uid
                     AND job.kind = kinds.kind
                 WHERE source.gone_at IS NULL) work
             WHERE due OR granted ORDER BY source_uid, kind",
        )
        .fetch_all(self.pool())
        .await?)
    }

    /// Namespaces whose records of no source wait for an analysis, and those that were granted a Job for it: with the nil uuid as
    /// source. Of those that wait the namespace's own uid is not known here and is nil; the grant needs it. Where a source works, its
    /// workers analyse them.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unsourced_work(&self) -> Result<Vec<SourceWork>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT 'analysis' AS kind, source_uid, namespace, namespace_uid, $1 AS name, '' AS credentials_digest,
                 NULL::text AS collection, NULL::text AS embedding_model, ordinal, true AS granted, false AS due
             FROM achievement_jobs WHERE source_uid = $2 AND kind = 'analysis' AND pods > 0
             UNION ALL
             SELECT 'analysis', $2, waiting.namespace, $2, $1, '', NULL, NULL, 0, false, true
             FROM (SELECT DISTINCT namespace FROM achievement_tasks
                 WHERE status = 'queued' AND source_uid IS NULL AND not_before <= now()) waiting
             WHERE NOT EXISTS (SELECT FROM achievement_sources source
                     WHERE source.namespace = waiting.namespace AND source.gone_at IS NULL AND NOT source.suspended)
               AND NOT EXISTS (SELECT FROM achievement_jobs job WHERE job.namespace = waiting.namespace AND job.source_uid = $2
                     AND job.kind = 'analysis' AND (job.pods > 0 OR job.not_before > now()))
             ORDER BY namespace",
        )
        .bind(UNSOURCED)
        .bind(Uuid::nil())
        .fetch_all(self.pool())
        .await?)
    }

    /// Seconds until something becomes due that waits for its time; none where nothing does.
    ///
    /// # Errors
    /// Database errors.
    pub async fn source_work_due(&self) -> Result<Option<f64>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT extract(epoch FROM min(due) - now())::double precision FROM (
                 SELECT min(backfill_due_at) AS due FROM achievement_sources
                 WHERE gone_at IS NULL AND NOT suspended AND backfill_due_at > now()
                 UNION ALL SELECT min(not_before) FROM achievement_jobs WHERE pods = 0 AND not_before > now()
                 UNION ALL SELECT min(not_before) FROM achievement_tasks WHERE status = 'queued' AND not_before > now()) waiting",
        )
        .fetch_one(self.pool())
        .await?)
    }

    /// Grants a source its Job, where it has none that did not end and the install has a worker Pod left; answers the Job's ordinal.
    /// The row comes before the Job, so that a crash between the two is mended under the same name (FAULTS 8, 10).
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn grant_source_job(
        &self,
        work: &SourceWork,
        install_limit: Option<i32>,
    ) -> Result<Option<i32>, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(limit) = install_limit
            && pods::granted(&mut transaction).await? >= i64::from(limit)
        {
            return Ok(None);
        }
        let ordinal = sqlx::query_scalar(
            "INSERT INTO achievement_jobs AS job (namespace_uid, source_uid, kind, namespace, ordinal, pods)
             VALUES ($1, $2, $4, $3, 1, 1)
             ON CONFLICT (namespace_uid, source_uid, kind) DO UPDATE SET ordinal = job.ordinal + 1, pods = 1
                 WHERE job.pods = 0 AND job.not_before <= now()
             RETURNING ordinal",
        )
        .bind(work.namespace_uid)
        .bind(work.source_uid)
        .bind(&work.namespace)
        .bind(&work.kind)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(ordinal)
    }

    /// A Job ended, or could not be made: the next one waits the longer, the more failed before it. Answers the run that comes next
    /// for its place.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn settle_source_job(
        &self,
        work: &SourceWork,
        failed: bool,
    ) -> Result<Option<WaitingRun>, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievement_jobs SET pods = 0, failures = CASE WHEN $4 THEN failures + 1 ELSE 0 END,
                 not_before = now() + make_interval(secs => CASE WHEN $4 THEN least(600, $5 * power(2, least(failures, 10))) ELSE 0 END)
             WHERE namespace_uid = $1 AND source_uid = $2 AND kind = $6 AND ordinal = $3 AND pods > 0",
        )
        .bind(work.namespace_uid)
        .bind(work.source_uid)
        .bind(work.ordinal)
        .bind(failed)
        .bind(REPLACE_SECONDS)
        .bind(&work.kind)
        .execute(&mut *transaction)
        .await?;
        let next = pods::first_waiting(&mut transaction).await?;
        transaction.commit().await?;
        Ok(next)
    }

    /// Notes the collection that stands for the records of a source; none where they are not compared.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn set_source_collection(
        &self,
        source: Uuid,
        collection: Option<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE achievement_sources SET collection = $2, embedding_model = $3 WHERE uid = $1",
        )
        .bind(source)
        .bind(collection.map(|it| it.0))
        .bind(collection.map(|it| it.1))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
