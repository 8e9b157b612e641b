//! What the REST API may do. Each transaction is bound to the namespace of the caller's key; row-level security leaves nothing
//! else to see, so no statement here filters by namespace to keep tenants apart.

pub mod achievements;
pub mod assignment;
pub mod experiments;
pub mod keys;
pub mod outcomes;
pub mod posts;
pub mod publication;
pub mod variants;
mod wake;
pub mod webhooks;

use super::{StoreError, migrate, operator::experiments::OUTCOMES_CHANNEL};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgConnectOptions, postgres::PgPoolOptions};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Connections of one process.
const POOL_SIZE: u32 = 8;

/// The API's store.
#[derive(Debug, Clone)]
pub struct ApiStore {
    pool: PgPool,
    wake: Arc<Notify>,
    inbox: Arc<Notify>,
}

impl ApiStore {
    /// Prepares the pool without connecting, and the tasks that tell the operator of outcomes and deliveries.
    ///
    /// # Errors
    /// A URL that does not parse.
    pub fn connect_lazy(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?
            .options([
                ("idle_in_transaction_session_timeout", "15s"),
                ("statement_timeout", "20s"),
                ("lock_timeout", "10s"),
            ])
            .application_name("threads-api");
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        let wake = wake::start(pool.clone(), OUTCOMES_CHANNEL);
        let inbox = wake::start(pool.clone(), webhooks::INBOX_CHANNEL);
        Ok(Self { pool, wake, inbox })
    }

    /// # Errors
    /// No connection, or a schema that this build does not understand.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let found: i32 = sqlx::query_scalar("SELECT schema_version FROM install_settings")
            .fetch_one(&self.pool)
            .await?;
        migrate::check_version(found)
    }

    /// A transaction that sees one namespace.
    ///
    /// It begins in a task of its own: a request that is given up while it waits for BEGIN would otherwise leave a connection in
    /// the pool of which nobody knows that a transaction is open.
    async fn begin(&self, namespace: &str) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin_with("BEGIN", namespace).await
    }

    /// The same, in which every statement sees the same moment.
    async fn begin_snapshot(
        &self,
        namespace: &str,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", namespace)
            .await
    }

    async fn begin_with(
        &self,
        statement: &'static str,
        namespace: &str,
    ) -> Result<Transaction<'static, Postgres>, StoreError> {
        let (pool, namespace) = (self.pool.clone(), namespace.to_owned());
        let begun = tokio::spawn(async move {
            let mut transaction = pool.begin_with(statement).await?;
            sqlx::query("SELECT set_config('threads.namespace', $1, true)")
                .bind(namespace)
                .execute(&mut *transaction)
                .await?;
            Ok(transaction)
        });
        begun
            .await
            .map_err(|error| StoreError::Invalid(format!("a transaction did not begin: {error}")))?
    }
}
