//! What the operator may do. Each transaction takes the epoch row FOR SHARE: a leader that has been replaced cannot commit.

pub mod achievements;
pub mod counts;
pub mod edits;
pub mod epoch;
pub mod experiments;
pub mod figures;
pub mod inbox;
pub mod ledger;
pub mod logins;
pub mod namespaces;
pub mod notifications;
pub mod outbox;
pub mod personas;
pub mod points;
pub mod progress;
pub mod prompts;
pub mod runs;
pub mod sweep;
pub mod tenants;

use super::{StoreError, migrate};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgConnectOptions, postgres::PgPoolOptions};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Connections of the operator, beside the one that listens.
const POOL_SIZE: u32 = 8;

/// The operator's store under one epoch of leadership.
#[derive(Debug, Clone)]
pub struct OperatorStore {
    pool: PgPool,
    epoch: i64,
    /// Something shall be told to people.
    noted: Arc<Notify>,
}

impl OperatorStore {
    /// Becomes the writer: ends the backends of earlier epochs, then raises the epoch.
    ///
    /// # Errors
    /// No connection, or a schema that this build does not understand.
    pub async fn lead(dsn: &str, holder: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(dsn)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?
            .options([
                ("idle_in_transaction_session_timeout", "5s"),
                ("statement_timeout", "30s"),
            ]);
        let epoch = epoch::advance(&options, holder).await?;
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options.application_name(&epoch::application_name(epoch)));
        let found: i32 = sqlx::query_scalar("SELECT schema_version FROM install_settings")
            .fetch_one(&pool)
            .await?;
        migrate::check_version(found)?;
        Ok(Self {
            pool,
            epoch,
            noted: Arc::default(),
        })
    }

    /// A store that leads nothing: whatever it would write is refused.
    ///
    /// # Errors
    /// A URL that does not parse.
    pub fn read_only(dsn: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(dsn)
            .map_err(|_| StoreError::Invalid("the database URL does not parse".to_owned()))?
            .application_name("threads-operator-reader");
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            epoch: -1,
            noted: Arc::default(),
        })
    }

    /// The epoch under which this store writes.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// For reads that decide nothing which is written without [`Self::begin`].
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A transaction that can commit only while this leader leads.
    ///
    /// Never wrap the call in a timeout or `select!`: a future that is dropped inside BEGIN poisons the pooled connection.
    ///
    /// # Errors
    /// [`StoreError::EpochLost`] where a newer leader has taken over, or database errors.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        epoch::hold(&mut transaction, self.epoch).await?;
        Ok(transaction)
    }

    /// Closes all connections, so that a later leader need not end them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
