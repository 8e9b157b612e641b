//! Totals that are counted on schedule.

use crate::postgres::{StoreError, operator::OperatorStore};

impl OperatorStore {
    /// Counts the totals of all namespaces anew, where a record was written since; readers see the old ones meanwhile. Answers
    /// whether it counted.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn count_achievement_totals(&self) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let counted = sqlx::query_scalar("SELECT count_achievement_totals()")
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(counted)
    }
}
