//! A namespace that takes over the records of the one that had its name before.

use super::OperatorStore;
use crate::postgres::StoreError;
use domain::names::Tenant;
use uuid::Uuid;

impl OperatorStore {
    /// Makes personas, runs, experiments and promotions of a gone namespace, `old`, those of `tenant`, so that what is applied there again finds its
    /// predecessors. Answers how many records moved; none where that was done before.
    ///
    /// Only records of the same namespace name move: two namespaces of one name cannot both live, so nothing is taken from
    /// the living. A persona, experiment or promoted track that stands in the new namespace already keeps its own records.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn adopt_namespace(&self, tenant: &Tenant, old: Uuid) -> Result<u64, StoreError> {
        if old == tenant.namespace_uid || !self.has_records(tenant, old).await? {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        let mut moved = 0;
        for statement in [
            "UPDATE personas SET namespace_uid = $1 WHERE namespace_uid = $2 AND namespace = $3
               AND NOT EXISTS (SELECT FROM personas rival WHERE rival.namespace_uid = $1 AND rival.name = personas.name)",
            "UPDATE content_runs SET namespace_uid = $1 WHERE namespace_uid = $2 AND namespace = $3",
            "UPDATE experiments SET namespace_uid = $1 WHERE namespace_uid = $2 AND namespace = $3
               AND NOT EXISTS (SELECT FROM experiments rival WHERE rival.namespace_uid = $1 AND rival.name = experiments.name)",
            "UPDATE promotions SET namespace_uid = $1 WHERE namespace_uid = $2 AND namespace = $3
               AND NOT EXISTS (SELECT FROM promotions rival WHERE rival.namespace_uid = $1
                   AND rival.template_name = promotions.template_name AND rival.track = promotions.track)",
        ] {
            moved += sqlx::query(statement)
                .bind(tenant.namespace_uid)
                .bind(old)
                .bind(&tenant.namespace)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        }
        transaction.commit().await?;
        Ok(moved)
    }

    /// Whether the gone namespace left anything that can move, without taking part in the epoch: this is asked often.
    async fn has_records(&self, tenant: &Tenant, old: Uuid) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM content_runs WHERE namespace_uid = $2 AND namespace = $3)
                 OR EXISTS (SELECT FROM experiments WHERE namespace_uid = $2 AND namespace = $3
                     AND NOT EXISTS (SELECT FROM experiments rival WHERE rival.namespace_uid = $1 AND rival.name = experiments.name))
                 OR EXISTS (SELECT FROM promotions WHERE namespace_uid = $2 AND namespace = $3
                     AND NOT EXISTS (SELECT FROM promotions rival WHERE rival.namespace_uid = $1
                         AND rival.template_name = promotions.template_name AND rival.track = promotions.track))
                 OR EXISTS (SELECT FROM personas WHERE namespace_uid = $2 AND namespace = $3
                     AND NOT EXISTS (SELECT FROM personas rival WHERE rival.namespace_uid = $1 AND rival.name = personas.name))",
        )
        .bind(tenant.namespace_uid)
        .bind(old)
        .bind(&tenant.namespace)
        .fetch_one(self.pool())
        .await?)
    }
}
