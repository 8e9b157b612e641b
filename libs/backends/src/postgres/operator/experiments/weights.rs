//! Which weights were in force when.

use super::rows::ExperimentRow;
use crate::postgres::{StoreError, operator::OperatorStore};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

impl OperatorStore {
    /// Puts the next weights (basis points, one an arm) in force, if `epoch` still is the current one and the experiment
    /// runs; answers whether it did, so that two who decide at once change them once.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn set_weights(
        &self,
        uid: Uuid,
        epoch: i32,
        weights_bp: &[u32],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let changed = sqlx::query(
            "UPDATE experiments SET weight_epoch = weight_epoch + 1
             WHERE uid = $1 AND weight_epoch = $2 AND started_at IS NOT NULL AND ended_at IS NULL",
        )
        .bind(uid)
        .bind(epoch)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if changed > 0 {
            insert(&mut transaction, uid, epoch + 1, weights_bp).await?;
        }
        transaction.commit().await?;
        Ok(changed > 0)
    }
}

/// The design's own weights, as epoch 0.
pub(super) async fn insert_first(
    transaction: &mut Transaction<'static, Postgres>,
    row: &ExperimentRow,
) -> Result<(), StoreError> {
    let weights: Vec<u32> = row.design.arms.iter().map(|arm| arm.weight_bp).collect();
    insert(transaction, row.uid, 0, &weights).await
}

async fn insert(
    transaction: &mut Transaction<'static, Postgres>,
    uid: Uuid,
    epoch: i32,
    weights_bp: &[u32],
) -> Result<(), StoreError> {
    let weights: Vec<i32> = weights_bp
        .iter()
        .map(|weight| i32::try_from(*weight).unwrap_or(i32::MAX))
        .collect();
    sqlx::query(
        "INSERT INTO experiment_weights (experiment_uid, epoch, namespace, weights_bp, since)
         SELECT uid, $2, namespace, $3, clock_timestamp() FROM experiments WHERE uid = $1 ON CONFLICT DO NOTHING",
    )
    .bind(uid)
    .bind(epoch)
    .bind(weights)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
