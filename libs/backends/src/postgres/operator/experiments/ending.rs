//! The ends that are no verdict: suspended, cancelled, gone, pruned, removed.

use super::rows::ExperimentIdentity;
use crate::postgres::{StoreError, operator::OperatorStore};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// Verdict of an experiment that was cancelled.
const INCONCLUSIVE: &str = "Inconclusive";

impl OperatorStore {
    /// Holds an experiment or lets it go on; answers whether that changed anything. While it is held no unit is assigned,
    /// none matures and nothing is evaluated.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn suspend_experiment(&self, uid: Uuid, suspended: bool) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let changed =
            sqlx::query("UPDATE experiments SET suspended = $2 WHERE uid = $1 AND suspended <> $2")
                .bind(uid)
                .bind(suspended)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// Ends an experiment because a person asked for it; answers whether this call did. One that never started ends as well.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn cancel_experiment(&self, uid: Uuid, sentence: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let digest: Option<Option<String>> = sqlx::query_scalar(
            "UPDATE experiments SET ended_at = clock_timestamp(), ended_reason = 'cancelled', verdict = $2
             WHERE uid = $1 AND ended_at IS NULL RETURNING inputs_digest",
        )
        .bind(uid)
        .bind(INCONCLUSIVE)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(digest) = digest else {
            return Ok(false);
        };
        sqlx::query(
            "INSERT INTO experiment_decisions (experiment_uid, namespace, verdict, inputs_digest, sentence, action)
             SELECT uid, namespace, $2, $3, $4, 'none' FROM experiments WHERE uid = $1 ON CONFLICT DO NOTHING",
        )
        .bind(uid)
        .bind(INCONCLUSIVE)
        .bind(digest.unwrap_or_default())
        .bind(sentence)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The resource of this uid is gone from the cluster: what ran ends, the records stay. Answers how many ended.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn bury_experiment(&self, object_uid: Uuid) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let ended = bury(&mut transaction, object_uid).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// The resource is deleted with its records: its units and figures go. Promotions and decisions stay: a
    /// template's track rests on them.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn remove_experiment(&self, object_uid: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let uids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT uid FROM experiments WHERE coalesce(object_uid, uid) = $1 FOR UPDATE",
        )
        .bind(object_uid)
        .fetch_all(&mut *transaction)
        .await?;
        for uid in uids {
            remove_details(&mut transaction, uid).await?;
            for statement in [
                "DELETE FROM outcome_fates WHERE experiment_uid = $1",
                "DELETE FROM experiments WHERE uid = $1",
            ] {
                sqlx::query(statement)
                    .bind(uid)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        sqlx::query("DELETE FROM waits WHERE uid = $1")
            .bind(object_uid)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Prunes the details (units and what was told of them) of an experiment that ended at least so many seconds ago; its
    /// last evaluation and its decisions stay. Answers whether this call did.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn prune_experiment(
        &self,
        uid: Uuid,
        after_seconds: f64,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let pruned = sqlx::query(
            "UPDATE experiments SET pruned_at = now() WHERE uid = $1 AND pruned_at IS NULL
               AND ended_at <= now() - make_interval(secs => $2)",
        )
        .bind(uid)
        .bind(after_seconds)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if pruned > 0 {
            remove_details(&mut transaction, uid).await?;
        }
        transaction.commit().await?;
        Ok(pruned > 0)
    }
}

/// Ends what another resource of the same name left: the caller has just seen this one alive, so the others are gone.
pub(super) async fn bury_others(
    transaction: &mut Transaction<'static, Postgres>,
    identity: &ExperimentIdentity<'_>,
) -> Result<(), StoreError> {
    let others: Vec<Uuid> = sqlx::query_scalar(
        "SELECT coalesce(object_uid, uid) FROM experiments
         WHERE namespace_uid = $1 AND name = $2 AND gone_at IS NULL AND coalesce(object_uid, uid) <> $3",
    )
    .bind(identity.namespace_uid)
    .bind(identity.name)
    .bind(identity.object_uid)
    .fetch_all(&mut **transaction)
    .await?;
    for other in others {
        bury(transaction, other).await?;
    }
    Ok(())
}

async fn bury(
    transaction: &mut Transaction<'static, Postgres>,
    object_uid: Uuid,
) -> Result<u64, StoreError> {
    sqlx::query("DELETE FROM waits WHERE uid = $1")
        .bind(object_uid)
        .execute(&mut **transaction)
        .await?;
    Ok(sqlx::query(
        "UPDATE experiments SET gone_at = now(), ended_reason = CASE WHEN ended_at IS NULL THEN 'gone' ELSE ended_reason END,
             ended_at = coalesce(ended_at, now())
         WHERE coalesce(object_uid, uid) = $1 AND gone_at IS NULL",
    )
    .bind(object_uid)
    .execute(&mut **transaction)
    .await?
    .rows_affected())
}

async fn remove_details(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM outcome_events event USING experiment_units unit LEFT JOIN posts post ON post.task_id = unit.task_id
         WHERE unit.experiment_uid = $1 AND event.subject = coalesce(post.id, unit.id)",
        "DELETE FROM outcome_totals total USING experiment_units unit
         WHERE unit.experiment_uid = $1 AND unit.participant IS NOT NULL AND total.subject = unit.id",
        "DELETE FROM experiment_units WHERE experiment_uid = $1",
    ] {
        sqlx::query(statement)
            .bind(uid)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}
