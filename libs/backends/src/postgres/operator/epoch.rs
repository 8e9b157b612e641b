//! The fence: one row that says which leader may write.

use crate::postgres::StoreError;
use sqlx::{
    ConnectOptions, Connection, PgConnection, Postgres, Transaction, postgres::PgConnectOptions,
};

/// What a leader's connections call themselves, so that the next leader can end them.
#[must_use]
pub fn application_name(epoch: i64) -> String {
    format!("threads-operator-epoch-{epoch}")
}

/// Ends what earlier leaders still have open, then raises the epoch; answers the new one.
///
/// Ending comes first: a transaction of the old leader holds the row FOR SHARE, and raising the epoch waits for it.
///
/// # Errors
/// Database errors.
pub async fn advance(options: &PgConnectOptions, holder: &str) -> Result<i64, StoreError> {
    let mut connection: PgConnection = options
        .clone()
        .application_name("threads-operator-election")
        .connect()
        .await?;
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = current_user AND application_name LIKE 'threads-operator-epoch-%'",
    )
    .execute(&mut connection)
    .await?;
    let epoch = sqlx::query_scalar(
        "UPDATE operator_epoch SET epoch = epoch + 1, holder = $1, since = now() RETURNING epoch",
    )
    .bind(holder)
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(epoch)
}

/// Takes the epoch row FOR SHARE until the transaction ends.
///
/// # Errors
/// [`StoreError::EpochLost`] where the row names another epoch.
pub async fn hold(
    transaction: &mut Transaction<'static, Postgres>,
    epoch: i64,
) -> Result<(), StoreError> {
    let current: i64 = sqlx::query_scalar("SELECT epoch FROM operator_epoch FOR SHARE")
        .fetch_one(&mut **transaction)
        .await?;
    if current == epoch {
        Ok(())
    } else {
        Err(StoreError::EpochLost)
    }
}
