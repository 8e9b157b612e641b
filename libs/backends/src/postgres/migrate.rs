//! The one owner of the schema: `operator migrate`.

use super::StoreError;
use sqlx::{Connection, Executor, PgConnection};
use std::time::Duration;

/// Schema version that this build reads and writes; `install_settings.schema_version` holds what stands.
pub const SCHEMA_VERSION: i32 = 3;
/// How long a migration waits for another one that runs.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '60s'";

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings the schema to this build's version. Safe to repeat and to run twice at once: the second waits for the first.
///
/// # Errors
/// No connection within `patience`, a lock not had within a minute, or a statement that fails; the failed migration is
/// rolled back whole.
pub async fn migrate(dsn: &str, patience: Duration) -> Result<(), StoreError> {
    let mut connection = connect_patiently(dsn, patience).await?;
    // sqlx waits for its advisory lock without end unless the session says otherwise.
    connection.execute(LOCK_TIMEOUT).await?;
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(|error| StoreError::Invalid(format!("migration: {error}")))?;
    connection.close().await?;
    Ok(())
}

/// Connects with one plain connection, which reports the true reason where a pool would say only that it timed out.
async fn connect_patiently(dsn: &str, patience: Duration) -> Result<PgConnection, StoreError> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        match PgConnection::connect(dsn).await {
            Ok(connection) => return Ok(connection),
            Err(error) if tokio::time::Instant::now() >= deadline => return Err(error.into()),
            Err(error) => {
                tracing::info!(%error, "waiting for the database");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Refuses to work with a schema that this build does not understand.
///
/// # Errors
/// [`StoreError::SchemaVersion`] outside the range.
pub fn check_version(found: i32) -> Result<(), StoreError> {
    if found == SCHEMA_VERSION {
        Ok(())
    } else {
        Err(StoreError::SchemaVersion {
            found,
            expected: SCHEMA_VERSION,
        })
    }
}
