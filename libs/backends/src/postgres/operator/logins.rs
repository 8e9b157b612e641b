//! Postgres logins of tenants' workers.

use super::OperatorStore;
use crate::postgres::StoreError;
use chrono::{DateTime, Utc};
use domain::names::{Slot, Tenant, worker_login};
use secrecy::{ExposeSecret, SecretString};

/// Connections that all workers of one tenant may hold together.
const CONNECTION_LIMIT: i32 = 60;

impl OperatorStore {
    /// Makes the tenant's login of a slot, or gives it a new password. It may call the workers' functions, nothing else.
    /// Answers when the password was set, by the database's clock.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn ensure_worker_login(
        &self,
        tenant: &Tenant,
        slot: Slot,
        password: &SecretString,
    ) -> Result<DateTime<Utc>, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("SELECT ensure_worker_login($1, $2, $3, $4, $5, $6)")
            .bind(worker_login(tenant, slot))
            .bind(password.expose_secret())
            .bind(&tenant.namespace)
            .bind(tenant.namespace_uid)
            .bind(slot.as_str())
            .bind(CONNECTION_LIMIT)
            .execute(&mut *transaction)
            .await?;
        let keyed_at = sqlx::query_scalar("SELECT keyed_at FROM worker_logins WHERE login = $1")
            .bind(worker_login(tenant, slot))
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(keyed_at)
    }

    /// Ends a tenant's login: it cannot connect any more.
    ///
    /// # Errors
    /// Database errors, and [`StoreError::EpochLost`].
    pub async fn retire_worker_login(&self, tenant: &Tenant, slot: Slot) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("SELECT retire_worker_login($1)")
            .bind(worker_login(tenant, slot))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
